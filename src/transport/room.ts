// How much room the disk of an archive has.
import { statfs } from 'node:fs';
import { promisify } from 'node:util';

const ask = promisify(statfs);

/** What a process without privileges may still write there, and the whole, in bytes. Fails with the error of the system. */
export async function roomOf(directory: string): Promise<{ freeBytes: number; totalBytes: number }> {
  const { bavail, blocks, bsize } = await ask(directory);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}
