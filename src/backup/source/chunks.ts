// The chunks of an open file, one read ahead: while one is looked at and hashed, the next one comes.
import { chunkBytes } from '../../copying/target.ts';
import { read as readCall } from '../../program/quick-calls.ts';
import { fill } from '../../transport/copy.ts';
import type { Buffers } from './buffers.ts';

export interface Chunk {
  /** The whole buffer; whoever has taken it gives it back. */
  buffer: Buffer;
  /** How much of it is filled. */
  length: number;
  offset: number;
}

async function readChunk(
  descriptor: number,
  buffers: Buffers,
  offset: number,
  wanted: number,
): Promise<Chunk> {
  const buffer = await buffers.take();
  try {
    return { buffer, length: await fill(descriptor, buffer.subarray(0, wanted), offset, readCall), offset };
  } catch (error) {
    buffers.give(buffer);
    throw error;
  }
}

/**
 * The first `sizeBytes` of the file; fewer where it was cut off meanwhile. Leaving early gives back what was read ahead. Needs
 * two buffers to go on.
 */
export async function* chunksOf(
  descriptor: number,
  sizeBytes: number,
  buffers: Buffers,
): AsyncGenerator<Chunk, void, undefined> {
  const read = (offset: number): Promise<Chunk> | undefined => {
    if (offset >= sizeBytes) return undefined;
    const next = readChunk(descriptor, buffers, offset, Math.min(chunkBytes, sizeBytes - offset));
    // Heard of when it is awaited.
    next.catch(() => undefined);
    return next;
  };
  let next = read(0);
  try {
    while (next !== undefined) {
      const chunk = await next;
      next = undefined;
      const isCut = chunk.length < Math.min(chunkBytes, sizeBytes - chunk.offset);
      if (chunk.length === 0) {
        buffers.give(chunk.buffer);
        return;
      }
      if (!isCut) next = read(chunk.offset + chunk.length);
      yield chunk;
    }
  } finally {
    const ahead = await next?.catch(() => undefined);
    if (ahead !== undefined) buffers.give(ahead.buffer);
  }
}
