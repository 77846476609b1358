// The epoch that a node holds in an archive it cannot claim by this road: it has claimed it by another one, over ssh or as
// a directory, and keeps the epoch under the name of that road. An archive has one random name by every road.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listDirectory } from '../../program/list-directory.ts';
import { recallNote } from '../known-archives.ts';
import type { Identity } from '../transport.ts';

/** Undefined where the node knows of none. */
export function epochHeldOf(url: string, archive: string, identity: Identity): number | undefined {
  const known = identity.heldEpoch ?? recallNote(url, identity)?.epoch;
  if (known !== undefined) return known;
  const directory = join(identity.stateDirectory, 'archives');
  const epochs = listDirectory(directory).flatMap((name) => {
    const [noted, epoch] = readFileSync(join(directory, name), 'latin1').trim().split(' ');
    return noted === archive && epoch !== undefined ? [Number(epoch)] : [];
  });
  return epochs.length === 0 ? undefined : Math.max(...epochs);
}
