// Whether PostgreSQL has finished the segment that is to be archived. By itself it only offers what it has finished; a
// person can name the segment that is being written, and half of it in an archive shuts out the whole one for ever.
import { realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf, fromSystemError, ProgramError } from '../program/program-error.ts';
import type { WalFileName } from '../wal/filename.ts';

const isThere = (path: string): boolean => {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw fromSystemError(error, `could not look for ${path}`);
  }
};

function isSameDirectory(path: string, other: string): boolean {
  try {
    return realpathSync(path) === realpathSync(other);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

/**
 * An `invalid-file` error for a segment in the data directory's pg_wal that has neither mark of archive_status. PostgreSQL
 * makes the .ready before it calls archive_command (XLogArchiveNotify in xlogarchive.c), so its calls cost one stat here.
 */
export function requireFinished(name: WalFileName, source: string, dataDirectory: string): void {
  if (name.kind !== 'segment' && name.kind !== 'partial') return;
  const marks = join(dirname(source), 'archive_status', name.name);
  if (isThere(`${marks}.ready`) || isThere(`${marks}.done`)) return;
  if (!isSameDirectory(dirname(source), join(dataDirectory, 'pg_wal'))) return;
  // One that is missing is told as such.
  if (!isThere(source)) return;
  throw new ProgramError('invalid-file', `cannot archive ${name.name}: PostgreSQL has not finished it`, {
    detail: `There is neither ${name.name}.ready nor ${name.name}.done in ${dirname(marks)}.`,
    hint: 'PostgreSQL itself calls archive_command once a segment is full, or after select pg_switch_wal().',
  });
}
