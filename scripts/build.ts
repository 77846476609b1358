// Bundles every executable into dist/. Those that are started for each segment, and the road over ssh, are one file each,
// because every further module costs a call half a millisecond and more; what they need rarely (parser, log, zod, retries)
// is a second bundle, split, which they load by name. dist/metafile.json tells the house test what each entry loads.
import { createHash } from 'node:crypto';
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { build as bundle, type BuildOptions, type Plugin } from 'esbuild';
import { makeCodeCaches } from './code-cache.ts';
import {
  keysAreReady,
  meaningsAreLeftOut,
  nativeIsLeftOut,
  nothingIsFar,
  nothingIsRun,
  onlyClient,
  onlyEnglish,
  widthsAreLater,
} from './left-out.ts';
import {
  networkIsBeside,
  networkIsShared,
  rsyncIsShared,
  sftpIsLoadedLater,
  wayIsLater,
} from './own-files.ts';
import { writeExtras } from './packaging/write-extras.ts';

const root = join(import.meta.dirname, '..');
const outdir = join(root, 'dist');
const hot = ['archiveWALFile', 'restoreWALFile', 'pg_standby'];
/** sshd starts it for each connection. */
const receiver = 'receive';
/** The network road: one file that every program loads, so that its connections are shared. */
const network = 'transport/ssh/open-ssh';
/** What of it only a far side without a receiver needs: a file of its own, which it loads. */
const sftp = 'transport/sftp/open-sftp';
/** A base backup begins with a few calls of the server: what reads options and settings is half of the time until then. */
const copying = ['copyToStandby', 'copyToDR'];
/** One file for both of them. */
const copyTo = 'copy-to';
const others = ['configSetup', 'configStandby', 'distrib2warm', 'triggerStandby', 'rsyncDR', 'twowarm'];
/** What a hot program loads only when it has to. */
const cold = [
  'program/log',
  'program/arguments',
  'program/settings/read',
  'program/lacking-data',
  'transport/try-again',
  'transport/dry-run',
  'transport/versions',
  'transport/fenced',
  'transport/lacks',
  'transport/tell-lacks',
  'transport/adopt',
  'transport/changes-of-hands',
  'transport/gap-record-at',
  'transport/data-directory',
  'transport/ownership-verbs',
  'transport/rsync/open-rsync',
  'transport/consumers',
  'transport/pruned',
  'restore/pruning/prune',
  'transport/backfill/debts',
  'archive/policies/pay-debts',
  'archive/policies/store-by-policy',
  'copying/serve/wrong-key',
];
/** What a receiver is for a data directory: loaded as fast as the receiver itself, for the copy waits for it. */
const copySide = 'copying/serve/copy-side';
/** With what decides over its threads, which has to be known before the first call. */
const ofReceiver = ['copying/serve/terms'];
/**
 * The same, but for calls that stay: a file of its own each, with all it needs, which a hot program requires. A waiting
 * process is 6 MB smaller than with modules, and one that only finds out that it may not wait is faster.
 */
const waiting = [
  'restore/consumers/register',
  'program/say-once',
  'program/watch-directory',
  'restore/timelines/followed-line',
  'restore/timelines/note-probe',
  'restore/consumers/say-pruned',
  'restore/say-gap',
  'restore/say-unknown',
  'restore/waiting/may-wait',
  'restore/waiting/wait-for-segment',
];

/** A hash of the sources: what was made from others is not this build's. */
function hashOfSources(): string {
  const hash = createHash('sha256');
  for (const source of globSync('src/**/*.ts', { cwd: root }).sort())
    hash.update(readFileSync(join(root, source)));
  return hash.digest('hex').slice(0, 16);
}

function shared(build: string): BuildOptions {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return {
    absWorkingDir: root,
    bundle: true,
    format: 'esm',
    minifySyntax: true,
    minifyWhitespace: true,
    // Identifiers stay: the stack trace of a bug report has to name our functions.
    minifyIdentifiers: false,
    platform: 'node',
    target: 'node24',
    logLevel: 'warning',
    define: {
      __dirname: 'import.meta.dirname',
      __filename: 'import.meta.filename',
      TWOWARM_VERSION: JSON.stringify(manifest.version),
      TWOWARM_BUILD: JSON.stringify(build),
    },
  };
}

/** The same for each file that is stored compressed: one file loads faster than modules do. */
const compressed = ['store-compressed', 'fetch-compressed', 'publish-written', 'written-version'].map(
  (module) => `transport/compressed/${module}`,
);
/** What the network road loads only where there is an ssh_config. */
const way = 'transport/ssh/config/read-way';
const single = [...waiting, ...compressed, way];

/** Loaded by name, because other roads are too, but part of the one file. */
const everyCall = ['transport/filesystem', 'transport/filesystem-writing'];

/**
 * Dynamic imports of cold modules become imports of dist/cold/; any other one is a mistake that ends the build. `inline`:
 * part of the one file all the same.
 */
const coldAreFiles = (inline: readonly string[]): Plugin => ({
  name: 'cold modules are files of their own',
  setup: (building) => {
    building.onResolve({ filter: /^\.|^[a-z]/ }, ({ kind, path, resolveDir }) => {
      if (kind !== 'dynamic-import' || path.startsWith('node:')) return undefined;
      const module = relative(join(root, 'src'), resolve(resolveDir, path)).replace(/\.ts$/, '');
      if (inline.includes(module)) return undefined;
      if (module === network) return { path: './open-ssh.cjs', external: true };
      if (module === copySide) return { path: `./${basename(module)}.cjs`, external: true };
      if (single.includes(module)) return { path: `./cold/${basename(module)}.cjs`, external: true };
      if (!cold.includes(module))
        return { errors: [{ text: `${path} is loaded by a hot program but is not in scripts/build.ts` }] };
      return { path: `./cold/${basename(module)}.js`, external: true };
    });
  },
});

rmSync(outdir, { recursive: true, force: true });
mkdirSync(outdir);
const build = hashOfSources();
const options = shared(build);
/** CommonJS has no import.meta. */
const withDirectory = (name: string): Record<string, string> => ({
  ...options.define,
  'import.meta.dirname': name,
});
const hotBanner = '(function(require,hotDirectory){const module={};';
/** Bundles that scripts/hot-loader.cjs runs. */
const cached: BuildOptions & { metafile: true } = {
  ...options,
  metafile: true,
  outdir,
  // A function that scripts/hot-loader.cjs compiles with a code cache; import() would need a module for that.
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  define: withDirectory('hotDirectory'),
  supported: { 'dynamic-import': false },
  banner: { js: hotBanner },
  footer: { js: `;return module.exports})\n//${build}` },
};
const hotBuild = await bundle({
  ...cached,
  entryPoints: Object.fromEntries(hot.map((program) => [`hot/${program}`, `src/main/${program}.ts`])),
  plugins: [coldAreFiles(everyCall), nothingIsFar, meaningsAreLeftOut],
});
const receiverBuild = await bundle({
  ...cached,
  entryPoints: { [`hot/${receiver}`]: `src/main/${receiver}.ts` },
  plugins: [coldAreFiles([...everyCall, ...single, ...ofReceiver]), nothingIsFar, meaningsAreLeftOut],
});
const copySideBuild = await bundle({
  ...cached,
  entryPoints: { [`hot/${basename(copySide)}`]: `src/${copySide}.ts` },
  plugins: [coldAreFiles([]), nothingIsFar, meaningsAreLeftOut],
});
const copyingBuild = await bundle({
  ...cached,
  entryPoints: { [`hot/${copyTo}`]: `src/main/${copyTo}.ts` },
  define: { ...cached.define, 'import.meta.filename': 'hotDirectory', 'import.meta.url': 'hotUrl' },
  banner: { js: `${hotBanner}const hotUrl=require('node:url').pathToFileURL(hotDirectory+'/x').href;` },
  external: ['pg-native'],
  plugins: [networkIsBeside, nothingIsRun, onlyEnglish, widthsAreLater],
});
const networkBuild = await bundle({
  ...cached,
  entryPoints: { [`hot/${basename(network)}`]: `src/${network}.ts` },
  define: { ...withDirectory('hotDirectory'), __dirname: 'hotDirectory' },
  // ssh2 asks for what the processor can do; without that it takes the order that we give.
  external: ['cpu-features'],
  plugins: [nativeIsLeftOut, onlyClient, keysAreReady, wayIsLater, sftpIsLoadedLater],
});
const sftpBuild = await bundle({
  ...cached,
  entryPoints: { 'hot/sftp': `src/${sftp}.ts` },
});
const coldBuild = await bundle({
  ...options,
  metafile: true,
  entryPoints: Object.fromEntries([
    ...others.map((program) => [program, `src/main/${program}.ts`]),
    ...cold.map((module) => [`cold/${basename(module)}`, `src/${module}.ts`]),
  ]),
  outdir,
  splitting: true,
  chunkNames: 'cold/[name]-[hash]',
  // pg looks for a native part that we do not carry, and works without it.
  external: ['pg-native'],
  plugins: [networkIsShared, nothingIsRun, onlyEnglish, widthsAreLater],
  // pino and yargs are CommonJS or look for their own files.
  banner: { js: "import{createRequire as __r}from'node:module';const require=__r(import.meta.url);" },
});
const waitingBuild = await bundle({
  ...options,
  metafile: true,
  entryPoints: Object.fromEntries(single.map((module) => [`cold/${basename(module)}`, `src/${module}.ts`])),
  outdir,
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  plugins: [networkIsShared, rsyncIsShared, nothingIsRun],
  define: withDirectory('__dirname'),
});
const outputs = {
  ...hotBuild.metafile.outputs,
  ...receiverBuild.metafile.outputs,
  ...copySideBuild.metafile.outputs,
  ...copyingBuild.metafile.outputs,
  ...networkBuild.metafile.outputs,
  ...sftpBuild.metafile.outputs,
  ...waitingBuild.metafile.outputs,
  ...coldBuild.metafile.outputs,
};
writeFileSync(join(outdir, 'metafile.json'), JSON.stringify({ outputs }));
const loader = readFileSync(join(root, 'scripts', 'hot-loader.cjs'), 'utf8');
for (const program of [...hot, receiver, basename(copySide), copyTo])
  writeFileSync(join(outdir, `${program}.cjs`), loader);
for (const program of copying)
  writeFileSync(
    join(outdir, `${program}.cjs`),
    `'use strict';\nexports.main = require('./${copyTo}.cjs').${program};\n`,
  );
// What an import() of it gives is read off this line, which does nothing.
writeFileSync(
  join(outdir, 'open-ssh.cjs'),
  `${loader}0 && (module.exports = { openOverSsh, logInOverSsh, runOverSsh, openLinkOverSsh });
`,
);
writeFileSync(join(outdir, 'sftp.cjs'), `${loader}0 && (module.exports = { openBySftp, startSession });\n`);
await makeCodeCaches(outdir, build);
await writeExtras(
  root,
  outdir,
  Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs)),
);
writeFileSync(join(outdir, '.built'), '');
process.stderr.write(`built dist/: ${Object.keys(outputs).length} files\n`);
