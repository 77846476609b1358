// How much of a cluster fits into a data directory: what is free on its disk, and what of that cluster is there already.
import { lstatSync, readdirSync, type Dirent } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { roomOf } from '../../transport/room.ts';

/** Where nearly all of a cluster is, but for its tablespaces. */
const large = ['base', 'global', 'pg_xact', 'pg_multixact'];

/** What a block of st_blocks is, whatever the file system's are. */
const blockBytes = 512;

function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    // It is only an estimate: what cannot be read is not counted.
    return [];
  }
}

async function takenBy(directory: string): Promise<number> {
  let bytes = 0;
  for (const entry of entriesOf(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) bytes += await takenBy(path);
    else if (entry.isFile()) bytes += (lstatSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * blockBytes;
  }
  // Others wait for this process: a cluster may have a million files.
  await breathe();
  return bytes;
}

/** In bytes; undefined where nobody can know. */
export async function roomFor({
  real,
  isThere,
}: {
  real: string;
  isThere: boolean;
}): Promise<number | undefined> {
  try {
    const { freeBytes } = await roomOf(isThere ? real : dirname(real));
    let bytes = freeBytes;
    if (isThere) for (const name of large) bytes += await takenBy(join(real, name));
    return bytes;
  } catch {
    return undefined;
  }
}
