// Bundles every executable into dist/: ES modules, split so that a program loads only what it uses.
// dist/metafile.json tells the house test what each entry loads.
import { createHash } from 'node:crypto';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
const programs = ['archiveWALFile', 'restoreWALFile', 'configSetup', 'twowarm'];

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const sources = globSync('src/**/*.ts', { cwd: root }).sort();
const hash = createHash('sha256');
for (const source of sources) hash.update(readFileSync(join(root, source)));

const outdir = join(root, 'dist');
rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir);

const result = await build({
  absWorkingDir: root,
  entryPoints: programs.map((program) => `src/main/${program}.ts`),
  outdir,
  bundle: true,
  format: 'esm',
  splitting: true,
  minify: true,
  // Stack traces of a bug report have to name our functions.
  keepNames: true,
  platform: 'node',
  target: 'node24',
  metafile: true,
  logLevel: 'warning',
  // pino and yargs are CommonJS or look for their own files.
  banner: { js: "import{createRequire as __r}from'node:module';const require=__r(import.meta.url);" },
  define: {
    __dirname: 'import.meta.dirname',
    __filename: 'import.meta.filename',
    TWOWARM_VERSION: JSON.stringify(manifest.version),
    TWOWARM_BUILD: JSON.stringify(hash.digest('hex').slice(0, 16)),
  },
});
writeFileSync(join(outdir, 'metafile.json'), JSON.stringify(result.metafile));
writeFileSync(join(outdir, '.built'), '');

const sizes = Object.entries(result.metafile.outputs).map(
  ([file, { bytes }]) => `${basename(file)} ${bytes}`,
);
process.stderr.write(`built dist/: ${sizes.length} files\n`);
