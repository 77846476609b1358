// Makes the code caches of the hot programs: each runs once, for real, on a node that is made up for it, so that V8 has
// compiled what a call uses; what it compiled is written beside the bundle.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ourCluster, segmentBytes, segmentNamed } from '../test/harness/wal-files.ts';

// Runs in a Node of its own: the cache has to be taken when the program has done its work, on its way out.
const recorder = `
const fs = require('node:fs'), { Script } = require('node:vm');
const [filename, cache] = process.argv.splice(2, 2);
const script = new Script(fs.readFileSync(filename, 'latin1'), { filename });
process.on('exit', (code) => code === 0 && fs.writeFileSync(cache, script.createCachedData()));
script.runInThisContext()(require).main(process.argv.slice(2));
`;

interface Node {
  dataDirectory: string;
  segment: string;
}

/** A data directory with one segment, a home and an archive, as small as the programs accept. */
function makeNode(root: string): Node {
  const dataDirectory = join(root, 'data');
  const archive = join(root, 'archive');
  for (const path of [
    dataDirectory,
    join(dataDirectory, 'global'),
    join(dataDirectory, 'pg_wal'),
    join(root, 'twowarm'),
    archive,
  ]) {
    mkdirSync(path, { mode: 0o700 });
  }
  const control = Buffer.alloc(16);
  control.writeBigUInt64LE(ourCluster, 0);
  writeFileSync(join(dataDirectory, 'global', 'pg_control'), control);
  writeFileSync(join(dataDirectory, 'PG_VERSION'), '15\n');
  const segment = segmentNamed(1);
  writeFileSync(join(dataDirectory, 'pg_wal', segment), segmentBytes(segment));
  mkdirSync(join(dataDirectory, 'pg_wal', 'archive_status'));
  writeFileSync(join(dataDirectory, 'pg_wal', 'archive_status', `${segment}.ready`), '');
  const toml = `[node]\ndata_directory = '${dataDirectory}'\n[destination.a]\nurl = 'file:${archive}'\n[restore]\nsources = ['file:${archive}']\n`;
  writeFileSync(join(root, 'twowarm', 'twowarm.toml'), toml, { mode: 0o600 });
  return { dataDirectory, segment };
}

/** Writes dist/hot/<program>.<build>.<version>-<arch>.cache for every hot program. */
export function makeCodeCaches(outdir: string, build: string): void {
  const root = mkdtempSync(join(tmpdir(), 'twowarm-build-'));
  try {
    const { dataDirectory, segment } = makeNode(root);
    const run = (program: string, words: string[]): void => {
      const bundle = join(outdir, 'hot', `${program}.cjs`);
      const cache = bundle.replace(/\.cjs$/, `.${build}.${process.version}-${process.arch}.cache`);
      // From dist/, so that what the bundle requires is found.
      const here = join(outdir, `record-${program}.cjs`);
      writeFileSync(here, recorder);
      execFileSync(process.execPath, [here, bundle, cache, ...words], { cwd: dataDirectory, env: {} });
      rmSync(here);
    };
    const archive = (): void => run('archiveWALFile', [`pg_wal/${segment}`, segment]);
    // The first call reads the configuration; the second one is the ordinary one, and its cache is kept.
    archive();
    rmSync(join(root, 'archive', segment));
    archive();
    run('restoreWALFile', [segment, 'pg_wal/RECOVERYXLOG']);
    run('pg_standby', [join(root, 'archive'), segment, 'pg_wal/RECOVERYXLOG']);
  } finally {
    rmSync(root, { recursive: true });
  }
}
