// How much room the disk of an archive has, and whether that is little.
import { statfs } from 'node:fs';
import { promisify } from 'node:util';
import type { Space } from '../program/settings/quantities.ts';

const ask = promisify(statfs);

/** Free and total bytes of a disk. */
export interface Room {
  freeBytes: number;
  totalBytes: number;
}

/** What a process without privileges may still write there, and the whole, in bytes. Fails with the error of the system. */
export async function roomOf(directory: string): Promise<Room> {
  const { bavail, blocks, bsize } = await ask(directory);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

export const freePercent = ({ freeBytes, totalBytes }: Room): number =>
  totalBytes === 0 ? 100 : Math.floor((100 * freeBytes) / totalBytes);

/** Whether less of the disk is free than wanted. */
export function isRoomLow(room: Room, { spaceWarnBelow }: { spaceWarnBelow: Space }): boolean {
  if ('bytes' in spaceWarnBelow) return room.freeBytes < spaceWarnBelow.bytes;
  return room.freeBytes * 100 < room.totalBytes * spaceWarnBelow.percent;
}
