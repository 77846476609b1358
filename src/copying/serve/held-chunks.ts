// Chunks that were read for their digests and wait for their records: what is not held has to be read once more. All files of a
// connection share them, so that many files under way cost no memory.
import { chunkBuffer } from '../sums/memory.ts';

/** 16 MB. */
const most = 32;

const free: Buffer[] = [];
let made = 0;

/** A buffer of a chunk; undefined where all are in use. */
export function borrow(): Buffer | undefined {
  const buffer = free.pop();
  if (buffer !== undefined || made === most) return buffer;
  made += 1;
  return chunkBuffer();
}

export const giveBack = (buffer: Buffer): void => void free.push(buffer);

/** What was there of a chunk, in the first `length` bytes. */
export interface HeldChunk {
  buffer: Buffer;
  length: number;
}
