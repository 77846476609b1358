// No archive lies in a data directory of PostgreSQL, whosever it is: what is archived there is lost with it, its server
// removes what it likes in pg_wal, and a file of pg_wal under its own name would pass for its own copy. Reading is free.
import { dirname, join } from 'node:path';
import { errnoOf, fromSystemError, ProgramError } from '../program/program-error.ts';
import { realPathOf, stat } from '../program/system-calls.ts';

/** What may not be seen is `otherwise`, as long as it is not certain that it is missing. */
const isThere = (path: string, otherwise = false): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error: unknown) => otherwise && !['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? ''),
  );

/**
 * By the two files that a server itself looks for at its start: one alone may have strayed anywhere. `global` is closed to
 * others; a directory that is closed itself says so when it is opened.
 */
const isDataDirectory = async (path: string): Promise<boolean> =>
  (await isThere(join(path, 'PG_VERSION'))) && isThere(join(path, 'global', 'pg_control'), true);

/** Only a pg_wal has that directory (xlogarchive.c), wherever a symbolic link has taken it. */
const isPgWal = (path: string): Promise<boolean> => isThere(join(path, 'archive_status'));

/** The path itself, its parent, and so on up to the root. */
const upwards = (path: string): string[] =>
  path === dirname(path) ? [path] : [path, ...upwards(dirname(path))];

/** The data directory that the path is, or is in. All are looked at together: a receiver does this for every connection. */
async function dataDirectoryOf(path: string): Promise<string | undefined> {
  const all = upwards(path);
  const found = await Promise.all(all.map(isDataDirectory));
  return all.find((_, index) => found[index]);
}

interface Finding {
  /** The end of "it …". */
  is: string;
  detail: string;
}

async function find(path: string): Promise<Finding | undefined> {
  const holder = await dataDirectoryOf(path);
  const detail = 'What is archived there is lost with it, or removed by its server.';
  if (holder !== undefined)
    return {
      is: holder === path ? 'is a data directory' : `lies within the data directory ${holder}`,
      detail,
    };
  for (const each of [path, dirname(path)])
    if (await isPgWal(each))
      return {
        is: each === path ? 'is the pg_wal of a server' : `lies within ${each}, the pg_wal of a server`,
        detail: `There is ${join(each, 'archive_status')}, as in no other directory.`,
      };
  return undefined;
}

/**
 * Throws `settings` for a directory that is, or lies within, a data directory or a pg_wal, by whatever path it is named.
 * One that is not there is not judged: it is refused for that.
 */
export async function refuseDataDirectory(directory: string): Promise<void> {
  const path = await realPathOf(directory).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw fromSystemError(error, `could not open the archive directory ${directory}`);
  });
  const found = path === undefined ? undefined : await find(path);
  if (found === undefined) return;
  throw new ProgramError('settings', `cannot use ${directory} as an archive: it ${found.is}`, {
    detail: found.detail,
    hint: 'Choose a directory outside of every data directory.',
  });
}
