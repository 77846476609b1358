// Where copies are held for a destination that is owed files: <home>/spool/held/<destination>/. Part of every call, so
// nothing else is here.
import { join } from 'node:path';
import { listDirectory } from '../../program/list-directory.ts';

export const heldDirectory = (home: string, destination: string): string =>
  join(home, 'spool', 'held', destination);

/** The names of whole files in it, in order. */
export const heldNames = (home: string, destination: string): string[] =>
  listDirectory(heldDirectory(home, destination));
