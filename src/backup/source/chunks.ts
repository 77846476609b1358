// The chunks of an open file, some read ahead: while one is looked at and hashed, the next ones come.
import { chunkBytes } from '../../copying/target.ts';
import { read as readCall } from '../../program/quick-calls.ts';
import { fill } from '../../transport/copy.ts';
import type { Buffers } from './buffers.ts';

/** Where reading takes time, so many are under way at once: a disk is no faster for one. */
const mostAhead = 4;

export interface Chunk {
  /** The whole buffer; whoever has taken it gives it back. */
  buffer: Buffer;
  /** How much of it is filled. */
  length: number;
  offset: number;
}

/** A chunk that is being read, or was. */
interface Reading {
  chunk: Promise<Chunk>;
  isThere: boolean;
}

const readChunk = (descriptor: number, buffers: Buffers, offset: number, wanted: number): Promise<Chunk> =>
  buffers.takeFor(async (buffer) => {
    const length = await fill(descriptor, buffer.subarray(0, wanted), offset, readCall);
    return { buffer, length, offset };
  });

/** Those of a file that were begun and not taken yet, in order. */
class Ahead {
  private readonly queue: Reading[] = [];
  private readonly descriptor: number;
  private readonly sizeBytes: number;
  private readonly buffers: Buffers;
  private at = 0;
  private isCut = false;

  constructor(descriptor: number, sizeBytes: number, buffers: Buffers) {
    this.descriptor = descriptor;
    this.sizeBytes = sizeBytes;
    this.buffers = buffers;
  }

  /** Begins another one, unless one is there already: what comes out of memory is best read when it is wanted. */
  begin(): void {
    const isEnough = this.queue.length >= mostAhead || this.queue.some(({ isThere }) => isThere);
    if (isEnough || this.isCut || this.at >= this.sizeBytes) return;
    const wanted = Math.min(chunkBytes, this.sizeBytes - this.at);
    const chunk = readChunk(this.descriptor, this.buffers, this.at, wanted);
    const reading: Reading = { chunk, isThere: false };
    // A fault is heard of when it is awaited.
    chunk.then(
      () => (reading.isThere = true),
      () => undefined,
    );
    this.queue.push(reading);
    this.at += wanted;
  }

  /** The next one; undefined at the end, or where the file was cut off meanwhile. */
  async next(): Promise<Chunk | undefined> {
    this.begin();
    const chunk = this.isCut ? undefined : await this.queue.shift()?.chunk;
    if (chunk === undefined) return undefined;
    // Nothing after it counts, should the file grow again.
    this.isCut = chunk.length < Math.min(chunkBytes, this.sizeBytes - chunk.offset);
    if (chunk.length > 0) return chunk;
    this.buffers.give(chunk.buffer);
    return undefined;
  }

  /** Gives back what was read for nobody. */
  async stop(): Promise<void> {
    for (const { chunk } of this.queue.splice(0)) {
      const ahead = await chunk.catch(() => undefined);
      if (ahead !== undefined) this.buffers.give(ahead.buffer);
    }
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
  const ahead = new Ahead(descriptor, sizeBytes, buffers);
  try {
    for (let chunk = await ahead.next(); chunk !== undefined; chunk = await ahead.next()) {
      ahead.begin();
      yield chunk;
    }
  } finally {
    await ahead.stop();
  }
}
