// What must be true of every directory of ours after anything: a file with the name of a WAL file is whole.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { segmentBytes } from '../harness/wal-files.ts';
import { parseWalFileName } from '../../src/wal/filename.ts';

const filesBelow = (root: string): string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** The path PostgreSQL has segments restored to. */
export const requested = 'RECOVERYXLOG';

/** Every file below `root` with the name of a segment has its bytes; one that was requested, those of `wanted`. */
export function expectOnlyWholeFiles(root: string, wanted: string): void {
  for (const path of filesBelow(root)) {
    const name = basename(path) === requested ? wanted : basename(path);
    if (parseWalFileName(name) === undefined) continue;
    if (!readFileSync(path).equals(segmentBytes(name))) throw new Error(`${path} is not what its name says`);
  }
}

/** No file below `root` is unfinished. */
export function expectNothingUnfinished(root: string): void {
  const unfinished = /^\.tmp\./;
  const found = filesBelow(root).filter((path) => unfinished.test(basename(path)));
  if (found.length > 0) throw new Error(`left unfinished: ${found.join(', ')}`);
}
