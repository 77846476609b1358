// Where copies are held for a destination that is owed files: <home>/spool/held/<destination>/. Part of every call, so
// nothing else is here.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, fromSystemError } from '../../program/program-error.ts';

export const heldDirectory = (home: string, destination: string): string =>
  join(home, 'spool', 'held', destination);

/** The names of whole files in it, in order. */
export function heldNames(home: string, destination: string): string[] {
  const directory = heldDirectory(home, destination);
  try {
    return readdirSync(directory)
      .filter((name) => !name.startsWith('.'))
      .sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw fromSystemError(error, `could not read ${directory}`);
  }
}
