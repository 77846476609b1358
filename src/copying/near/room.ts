// How much of a cluster fits into a new data directory: what is free on its disk.
import { dirname } from 'node:path';
import { roomOf } from '../../transport/room.ts';

/** In bytes; undefined where nobody can know. */
export async function roomFor({
  real,
  isThere,
}: {
  real: string;
  isThere: boolean;
}): Promise<number | undefined> {
  try {
    return (await roomOf(isThere ? real : dirname(real))).freeBytes;
  } catch {
    return undefined;
  }
}
