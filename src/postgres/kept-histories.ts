// The histories in pg_wal: the server keeps those of the timelines that it follows, or has. Names only.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, fromSystemError } from '../program/program-error.ts';
import { parseWalFileName } from '../wal/filename.ts';

/**
 * The newest timeline with a history in pg_wal, 0 for none. Not the first one after which one is missing: a server that
 * was told to follow timeline 3 keeps 00000003.history alone.
 */
export function newestKept(dataDirectory: string): number {
  const directory = join(dataDirectory, 'pg_wal');
  let newest = 0;
  for (const file of namesIn(directory)) {
    if (!file.endsWith('.history')) continue;
    const name = parseWalFileName(file);
    if (name?.kind === 'history') newest = Math.max(newest, name.timeline);
  }
  return newest;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw fromSystemError(error, `could not look into ${directory}`);
  }
}
