// What must be true of every directory of ours after anything: a file with the name of a WAL file is whole.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';

import { segmentBytes } from '../harness/wal-files.ts';
import { parseWalFileName } from '../../src/wal/filename.ts';

const filesBelow = (root: string): string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** What was stored there. */
export const contentOf = (path: string): Buffer =>
  path.endsWith('.zst') ? zstdDecompressSync(readFileSync(path)) : readFileSync(path);

/** The path PostgreSQL has segments restored to. */
export const requested = 'RECOVERYXLOG';

/**
 * Every file below `root` with the name of a segment has its bytes, also compressed; one that was requested, those of
 * `wanted`. What .twowarm/ keeps about a file has its name, too, and is none.
 */
export function expectOnlyWholeFiles(root: string, wanted: string): void {
  for (const path of filesBelow(root)) {
    const name = basename(path) === requested ? wanted : basename(path, '.zst');
    if (parseWalFileName(name) === undefined || path.includes('/.twowarm/')) continue;
    if (!contentOf(path).equals(segmentBytes(name))) throw new Error(`${path} is not what its name says`);
  }
}

/** No file below `root` is unfinished. */
export function expectNothingUnfinished(root: string): void {
  const unfinished = /^\.tmp\./;
  const found = filesBelow(root).filter((path) => unfinished.test(basename(path)));
  if (found.length > 0) throw new Error(`left unfinished: ${found.join(', ')}`);
}
