// Buffers of one chunk that are used again and again: fresh memory costs more than reading into it. All copies of this
// process share them, and who finds none waits, first come, first served: so that many files under way cost no memory.
import { chunkBytes } from '../target.ts';

/** 8 MB: more do not make it faster. */
const most = 16;

const free: Buffer[] = [];
const waiting: ((buffer: Buffer) => void)[] = [];
let made = 0;

function take(): Buffer | Promise<Buffer> {
  const buffer = free.pop();
  if (buffer !== undefined) return buffer;
  if (made === most) return new Promise((resolve) => waiting.push(resolve));
  made += 1;
  return Buffer.allocUnsafeSlow(chunkBytes);
}

function give(buffer: Buffer): void {
  const next = waiting.shift();
  if (next === undefined) free.push(buffer);
  else next(buffer);
}

/** Lends a buffer of `chunkBytes`, with whatever bytes are in it, until `use` has ended. */
export async function withBuffer<T>(use: (buffer: Buffer) => Promise<T>): Promise<T> {
  const buffer = await take();
  try {
    return await use(buffer);
  } finally {
    give(buffer);
  }
}
