// Places that a server of this machine uses, other than the one that is copied or copied into: a directory that was made by
// copying another node's data directory has that one's links.
import { join } from 'node:path';
import { directoriesOfServers } from '../../postgres/server-at-work.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { Place } from './places.ts';
import { realPlace } from './real-places.ts';
import { linksIn } from './tablespaces.ts';

/** Where its pg_wal and its tablespaces really are; what cannot be looked at is another user's. */
function placesOf(dataDirectory: string): string[] {
  try {
    const links = [...linksIn(dataDirectory).keys()].map((oid) => join('pg_tblspc', oid));
    return ['pg_wal', ...links].map((path) => realPlace(join(dataDirectory, path)));
  } catch {
    return [];
  }
}

/** Throws `target-in-use` for a place that a server has whose data directory is not `root`. Only running servers are known. */
export function refusePlacesOfServers(places: readonly Place[], root: string): void {
  const others = directoriesOfServers().filter((directory) => directory !== root);
  for (const directory of places.length === 0 ? [] : others) {
    const theirs = placesOf(directory);
    const taken = places.find(({ real }) => theirs.includes(real));
    if (taken === undefined) continue;
    throw new ProgramError(
      'target-in-use',
      `cannot copy into ${taken.path}: it belongs to the server that runs in ${directory}`,
      {
        detail: `It is to be ${taken.what} of the copy.`,
        hint: `Links of ${root} lead to where that server has its own. Correct them, or remove them if nothing of the copy was there.`,
      },
    );
  }
}
