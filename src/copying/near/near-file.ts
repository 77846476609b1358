// A file on its way into a data directory of this machine. What is there already is read and compared page by page, and only
// pages that differ are written; a page that came as a digest only is taken as it is (patch).
import { fromSystemError } from '../../program/program-error.ts';
import { closeFile, fdatasync, fsync, unlinkIfThere, writeFrom } from '../../program/system-calls.ts';
import { fill } from '../../transport/copy.ts';
import { EarlyFlush } from '../../transport/early-flush.ts';
import { syncOrFail } from '../../transport/publish.ts';
import type { PageRun } from '../page-digest.ts';
import { proving, type Proof, type Proving } from '../proof.ts';
import type { ArrivingFile } from '../target.ts';
import { withBuffer } from './buffers.ts';
import { changeModeOpen, truncateOpen } from './calls.ts';
import type { Opened } from './open-file.ts';
import { differingParts, type Part } from './pages.ts';
import { patchChunk } from './patch-chunk.ts';

/** After how many bytes the disk may begin, so that the fsync at the end finds little to do. */
const flushBytes = 32 * 1024 * 1024;

export interface Terms {
  path: string;
  mode: number;
  /** What end() compares; undefined: nothing. */
  proof: Proof | undefined;
  signal: AbortSignal;
  /** Called once, when the descriptor is closed. */
  closed: (file: NearFile) => void;
}

export class NearFile implements ArrivingFile {
  /** What was there under this name, and may be kept; 0 for a new file. */
  readonly oldBytes: number;
  private readonly descriptor: number;
  private readonly flush: EarlyFlush;
  private readonly proving: Proving | undefined;
  /** Fulfilled when the work on all chunks so far has ended, well or not. */
  private before: Promise<void> = Promise.resolve();
  private readonly underWay = new Set<Promise<void>>();
  private position = 0;
  private fault: unknown;
  private isClosed = false;
  private isPatched = false;

  private readonly opened: Opened;
  private readonly terms: Terms;

  constructor(opened: Opened, terms: Terms) {
    this.opened = opened;
    this.terms = terms;
    this.oldBytes = opened.oldBytes;
    this.descriptor = opened.descriptor;
    this.flush = new EarlyFlush(() => fdatasync(this.descriptor), flushBytes);
    this.proving = terms.proof === undefined ? undefined : proving(terms.proof);
  }

  /** Reads what was there of the chunk at `offset`, before that chunk is taken or patched: how many bytes. */
  async readOld(offset: number, into: Buffer): Promise<number> {
    const wanted = Math.max(0, Math.min(into.length, this.oldBytes - offset));
    return this.naming('read', () => fill(this.descriptor, into.subarray(0, wanted), offset));
  }

  async take(bytes: Buffer): Promise<void> {
    const at = this.advance(bytes.length);
    return this.follow(async (hash) => {
      await this.write(bytes, at);
      await hash(bytes);
    });
  }

  /**
   * Takes the next chunk, of `length` bytes, as what was there with the pages of `runs` replaced: their bytes are in
   * `bytes`, one after the other. May be under way as take() may.
   */
  async patch(length: number, runs: readonly PageRun[], bytes: Buffer): Promise<void> {
    const at = this.advance(length);
    this.isPatched = true;
    return this.follow((hash) =>
      withBuffer(async (buffer) => {
        const chunk = buffer.subarray(0, length);
        const there = await this.naming('read', () => fill(this.descriptor, chunk, at));
        await this.writePatched(chunk, there, runs, bytes, at);
        await hash(chunk);
      }),
    );
  }

  /**
   * The same where the caller has what was there, the first `there` bytes of `chunk`, by readOld(): it becomes what is there
   * now, and is the file's until the promise is settled.
   */
  patchHeld(chunk: Buffer, there: number, runs: readonly PageRun[], bytes: Buffer): Promise<void> {
    const at = this.advance(chunk.length);
    return this.follow(async (hash) => {
      await this.writePatched(chunk, there, runs, bytes, at);
      await hash(chunk);
    });
  }

  async end(sizeBytes: number, proof: string): Promise<'written' | 'other'> {
    await this.settle();
    if (this.fault !== undefined) throw this.fault as Error;
    this.terms.signal.throwIfAborted();
    if (this.position !== sizeBytes) {
      throw new Error(`${this.position} bytes of ${this.terms.path} came, not ${sizeBytes}`);
    }
    if (this.proving !== undefined && this.proving.result() !== proof) {
      await this.discard();
      return 'other';
    }
    await this.naming('write', () => this.complete(sizeBytes));
    await this.makeDurable();
    await this.close();
    return 'written';
  }

  async discard(): Promise<void> {
    await this.close();
    await this.naming('remove', () => unlinkIfThere(this.terms.path));
  }

  /** Lets go of the file as it is. */
  async close(): Promise<void> {
    await this.settle();
    if (this.isClosed) return;
    this.isClosed = true;
    this.terms.closed(this);
    await this.naming('close', () => closeFile(this.descriptor));
  }

  private advance(length: number): number {
    this.terms.signal.throwIfAborted();
    const at = this.position;
    this.position += length;
    return at;
  }

  /**
   * Remembers the work on a chunk until it has ended, and the first fault for end(). What the work gives to `hash` is hashed
   * in the order of the chunks, whichever is written first.
   */
  private follow(work: (hash: (bytes: Buffer) => Promise<void>) => Promise<void>): Promise<void> {
    const { before } = this;
    const running = work(async (bytes) => {
      if (this.proving === undefined) return;
      await before;
      this.proving.update(bytes);
    });
    const ended = running.then(undefined, (error: unknown) => void (this.fault ??= error));
    this.before = ended.finally(() => this.underWay.delete(ended));
    this.underWay.add(ended);
    return running;
  }

  private async settle(): Promise<void> {
    await Promise.allSettled(this.underWay);
    await this.flush.settle();
  }

  private async write(bytes: Buffer, at: number): Promise<void> {
    if (at >= this.oldBytes) return this.writeParts(bytes, [{ from: 0, to: bytes.length }], at);
    await withBuffer(async (buffer) => {
      const old = buffer.subarray(0, bytes.length);
      const length = await this.naming('read', () => fill(this.descriptor, old, at));
      await this.writeParts(bytes, differingParts(bytes, buffer, length), at);
    });
  }

  private async writePatched(
    chunk: Buffer,
    there: number,
    runs: readonly PageRun[],
    bytes: Buffer,
    at: number,
  ): Promise<void> {
    chunk.fill(0, Math.min(there, chunk.length));
    const parts = patchChunk(chunk, runs, bytes, this.terms.path);
    await this.writeParts(chunk, parts, at);
  }

  private async writeParts(bytes: Buffer, parts: readonly Part[], at: number): Promise<void> {
    for (const { from, to } of parts) {
      await this.naming('write', () => this.writeAll(bytes, from, to, at));
      this.flush.wrote(to - from);
    }
  }

  private async writeAll(bytes: Buffer, from: number, to: number, at: number): Promise<void> {
    for (let next = from; next < to;) {
      next += (await writeFrom(this.descriptor, bytes, next, to - next, at + next)).bytesWritten;
    }
  }

  private async complete(sizeBytes: number): Promise<void> {
    // What was hashed as zeros past the old end has to be there, too.
    if (this.oldBytes > sizeBytes || this.isPatched) await truncateOpen(this.descriptor, sizeBytes);
    if (this.opened.mode !== this.terms.mode) await changeModeOpen(this.descriptor, this.terms.mode);
  }

  /** Once: after a failed fsync the kernel may have dropped what it could not write, and the next one would succeed. */
  private makeDurable(): Promise<void> {
    return syncOrFail(this.descriptor, `file "${this.terms.path}"`, async (descriptor) => {
      this.flush.throwFault();
      await fsync(descriptor);
    });
  }

  private async naming<T>(verb: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw fromSystemError(error, `could not ${verb} file "${this.terms.path}"`);
    }
  }
}
