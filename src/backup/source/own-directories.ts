// What of a data directory is twowarm's and no part of the cluster: a home or an archive that somebody keeps in it, as 2warm did.
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Settings } from '../../program/settings/settings.ts';

function within(dataDirectory: string, path: string): string[] {
  let real: string;
  try {
    real = realpathSync(path);
  } catch {
    return [];
  }
  const found = relative(dataDirectory, real);
  return found === '' || found.startsWith('..') || found.startsWith(sep) ? [] : [found.split(sep).join('/')];
}

/** Directories that are archives by what is in them, directly in the data directory. */
const archivesIn = (dataDirectory: string): string[] =>
  readdirSync(dataDirectory, { withFileTypes: true })
    .filter(
      (entry) => entry.isDirectory() && existsSync(join(dataDirectory, entry.name, '.twowarm', 'format')),
    )
    .map(({ name }) => name);

/** Paths relative to the data directory, a real path. */
export const archivesWithin = (dataDirectory: string, { home, archiveDirectory }: Settings): Set<string> =>
  new Set([
    ...within(dataDirectory, home),
    ...within(dataDirectory, archiveDirectory),
    ...archivesIn(dataDirectory),
  ]);
