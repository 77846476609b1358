// The names in a directory of our own state. Part of every archive_command, so nothing else is here.
import { readdirSync } from 'node:fs';
import { errnoOf, fromSystemError } from './program-error.ts';

/** In order, without what begins with a dot, such as files that are not whole yet; none where there is no such directory. */
export function listDirectory(path: string): string[] {
  try {
    return readdirSync(path)
      .filter((name) => !name.startsWith('.'))
      .sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw fromSystemError(error, `could not read ${path}`);
  }
}
