// Tells the far side what is there, in digests of pages, a few chunks ahead of the records that answer them: so far that the
// line is never idle, and no further, for each costs a read.
import { ProgramError } from '../../program/program-error.ts';
import type { Talk } from '../../transport/receiver/talk.ts';
import { withBuffer } from '../near/buffers.ts';
import type { NearFile } from '../near/near-file.ts';
import { crcsOfParts } from '../sums/crc32c.ts';
import type { PageDigests } from '../sums/page-digests.ts';
import { chunkBytes } from '../target.ts';

/** 64 MB of the file: more than the far side may keep of records that wait for others (far/outbox.ts). */
const chunksAhead = 128;

/** So many are read at once. */
const chunksReading = 3;

/** The digests of so many chunks leave as one. */
const chunksTogether = 24;

/** What the far side wants to know of what is there. */
export interface Wish {
  /** Nothing. */
  isFresh: boolean;
  /** CRC-32C as well, behind the digests of each chunk (far/digests-there.ts). */
  wantsCrcs: boolean;
}

export class DigestsAhead {
  private readonly file: NearFile;
  private readonly talk: Talk;
  private readonly chunks: number;
  /** Of the chunks whose records have not come. */
  private readonly made = new Map<number, Buffer>();
  private readonly digests: PageDigests;
  private readonly wantsCrcs: boolean;
  /** How many chunks were read, and how many records have come. */
  private read = 0;
  private answered = 0;
  private isStopped = false;
  private fault: unknown;
  private wake: (() => void) | undefined;
  private wakeReader: (() => void) | undefined;
  private readonly work: Promise<void>;

  constructor(file: NearFile, talk: Talk, digests: PageDigests, { isFresh, wantsCrcs }: Wish) {
    this.file = file;
    this.digests = digests;
    this.wantsCrcs = wantsCrcs;
    this.talk = talk;
    this.chunks = isFresh ? 0 : Math.ceil(file.oldBytes / chunkBytes);
    const work = isFresh ? Promise.resolve() : this.run();
    this.work = work.catch((error: unknown) => {
      this.fault = error;
      this.wakeReader?.();
      // The far side waits for digests, and sends nothing before they come.
      talk.incoming.fail(error as Error);
    });
  }

  /**
   * The record of that chunk has come: resolves when its digests are made, and it may be changed. The digests of what was there
   * of it; undefined past the end, or where none are wanted.
   */
  async past(chunk: number): Promise<Buffer | undefined> {
    this.answered = chunk + 1;
    this.wake?.();
    while (this.read <= chunk && this.read < this.chunks) {
      if (this.fault !== undefined) throw this.fault as Error;
      await new Promise<void>((resolve) => (this.wakeReader = resolve));
    }
    const there = this.made.get(chunk);
    this.made.delete(chunk);
    return there;
  }

  /** Resolves when nothing is read any more. */
  async stop(): Promise<void> {
    this.isStopped = true;
    this.wake?.();
    await this.work;
  }

  private async run(): Promise<void> {
    const reading: Promise<Buffer>[] = [];
    try {
      const { wantsCrcs } = this;
      await this.talk.reply({ reply: 'ready', size: this.file.oldBytes, ...(wantsCrcs && { crcs: true }) });
      await this.tellAll(reading);
    } finally {
      // Whoever closes the file waits for this.
      await Promise.allSettled(reading);
    }
  }

  private async tellAll(reading: Promise<Buffer>[]): Promise<void> {
    let [begun, made]: [number, Buffer[]] = [0, []];
    while (this.read < this.chunks) {
      while (begun < this.chunks && begun < this.answered + chunksAhead && reading.length < chunksReading) {
        const sums = this.sum(begun);
        // Whoever waits for it hears of it.
        sums.catch(() => undefined);
        reading.push(sums);
        begun += 1;
      }
      const next = reading.shift();
      if (next === undefined) await new Promise<void>((resolve) => (this.wake = resolve));
      else made.push(await next);
      if (this.isStopped || this.talk.signal.aborted) return;
      if (next === undefined) continue;
      this.read += 1;
      this.wakeReader?.();
      if (made.length < chunksTogether && this.read < this.chunks) continue;
      await this.talk.send(Buffer.concat(made));
      made = [];
    }
  }

  private sum(chunk: number): Promise<Buffer> {
    return withBuffer(async (buffer) => {
      const length = await this.file.readOld(chunk * chunkBytes, buffer);
      if (length < Math.min(chunkBytes, this.file.oldBytes - chunk * chunkBytes)) throw cutOff();
      const bytes = buffer.subarray(0, length);
      const made = this.digests.of(bytes);
      this.made.set(chunk, made);
      return this.wantsCrcs ? Buffer.concat([made, crcsToBytes(crcsOfParts(bytes))]) : made;
    });
  }
}

/** The far side would wait for digests that cannot come. */
const cutOff = (): ProgramError =>
  new ProgramError('copy-damaged', 'the file there was cut off while it was compared', {
    hint: 'Something else writes into that data directory: end it, and start the copy again.',
  });

function crcsToBytes(crcs: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * crcs.length);
  crcs.forEach((crc, part) => bytes.writeUInt32BE(crc >>> 0, 4 * part));
  return bytes;
}
