// A file on its way into a data directory of this machine. What is there already is read and compared page by page, and only
// pages that differ are written; a page that came as a digest only is taken as it is (patch).
import { read } from '../../program/quick-calls.ts';
import { closeFile, fdatasync, fsync, unlinkIfThere } from '../../program/system-calls.ts';
import { fill } from '../../transport/copy.ts';
import { EarlyFlush } from '../../transport/early-flush.ts';
import { syncOrFail } from '../../transport/publish.ts';
import { heldOf, type PageRun } from '../sums/page.ts';
import type { ArrivingFile } from '../target.ts';
import { withBuffer } from './buffers.ts';
import { changeModeOpen, naming, truncateOpen, writeAt } from './calls.ts';
import { NewFileWrites } from './new-file-writes.ts';
import type { Opened } from './open-file.ts';
import { differingParts, type Part } from './pages.ts';
import { placesOfRuns } from './places-of-runs.ts';

/** After how many bytes the disk may begin, so that the fsync at the end finds little to do. */
const flushBytes = 32 * 1024 * 1024;

const nothingKnown = Promise.resolve(undefined);

export interface Terms {
  path: string;
  mode: number;
  signal: AbortSignal;
  /** Called once, when the descriptor is closed. */
  closed: (file: NearFile) => void;
}

export class NearFile implements ArrivingFile {
  /** What was there under this name, and may be kept; 0 for a new file. */
  readonly oldBytes: number;
  private readonly descriptor: number;
  private readonly flush: EarlyFlush;
  private readonly newWrites: NewFileWrites;
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
    this.newWrites = new NewFileWrites(opened.descriptor, (bytes) => this.flush.wrote(bytes));
  }

  /** Reads what was there of the chunk at `offset`, before that chunk is taken or patched: how many bytes. */
  async readOld(offset: number, into: Buffer): Promise<number> {
    const wanted = Math.max(0, Math.min(into.length, this.oldBytes - offset));
    return this.naming('read', () => fill(this.descriptor, into.subarray(0, wanted), offset, read));
  }

  /** Whoever is here sums faster by itself. */
  compare(): Promise<undefined> {
    return nothingKnown;
  }

  async take(bytes: Buffer, spared: readonly number[] = []): Promise<void> {
    const at = this.advance(bytes.length);
    return this.follow(this.write(bytes, at, spared));
  }

  /**
   * Takes the next chunk, of `length` bytes, as what was there with the pages of `runs` replaced: their bytes are in
   * `bytes`, one after the other. What was there is not read. May be under way as take() may.
   */
  async patch(length: number, runs: readonly PageRun[], bytes: Buffer): Promise<void> {
    const at = this.advance(length);
    this.isPatched = true;
    return this.follow(this.replace(length, runs, bytes, at));
  }

  async end(sizeBytes: number): Promise<'written'> {
    await this.settle();
    if (this.fault !== undefined) throw this.fault as Error;
    this.terms.signal.throwIfAborted();
    if (this.position !== sizeBytes) {
      throw new Error(`${this.position} bytes of ${this.terms.path} came, not ${sizeBytes}`);
    }
    await this.naming('write', () => this.complete(sizeBytes));
    await this.makeDurable();
    await this.close();
    return 'written';
  }

  /** It is not what was sent: nothing of that name is left. */
  async remove(): Promise<void> {
    await this.close();
    await this.naming('remove', () => unlinkIfThere(this.terms.path));
  }

  async close(): Promise<void> {
    await this.settle();
    if (this.isClosed) return;
    this.isClosed = true;
    this.terms.closed(this);
    await this.naming('close', async () => {
      await this.newWrites.close().finally(() => closeFile(this.descriptor));
    });
  }

  private advance(length: number): number {
    this.terms.signal.throwIfAborted();
    const at = this.position;
    this.position += length;
    return at;
  }

  /** Remembers the work on a chunk until it has ended, and the first fault for end(). */
  private follow(running: Promise<void>): Promise<void> {
    const ended: Promise<void> = running
      .catch((error: unknown) => void (this.fault ??= error))
      .finally(() => this.underWay.delete(ended));
    this.underWay.add(ended);
    return running;
  }

  private async settle(): Promise<void> {
    await Promise.allSettled(this.underWay);
    await this.flush.settle();
  }

  private async write(bytes: Buffer, at: number, spared: readonly number[]): Promise<void> {
    if (this.oldBytes === 0) return this.naming('write', () => this.newWrites.write(bytes, at));
    if (at >= this.oldBytes) return this.writeParts(bytes, [{ from: 0, to: bytes.length }], at);
    await withBuffer(async (buffer) => {
      // No further than what was there: a later chunk may be written already.
      const length = await this.readOld(at, buffer.subarray(0, bytes.length));
      const held = heldOf(spared, bytes.length, this.oldBytes - at);
      await this.writeParts(bytes, differingParts(bytes, buffer, length, held), at);
    });
  }

  private async replace(length: number, runs: readonly PageRun[], bytes: Buffer, at: number): Promise<void> {
    for (const { from, to, offset } of placesOfRuns(runs, length, bytes.length, this.terms.path))
      await this.writePart(bytes, { from, to }, at + offset - from);
  }

  private async writeParts(bytes: Buffer, parts: readonly Part[], at: number): Promise<void> {
    for (const part of parts) await this.writePart(bytes, part, at);
  }

  /** `at`: where the first of `bytes` is in the file. */
  private async writePart(bytes: Buffer, { from, to }: Part, at: number): Promise<void> {
    await this.naming('write', () => writeAt(this.descriptor, bytes, from, to, at));
    this.flush.wrote(to - from);
  }

  private async complete(sizeBytes: number): Promise<void> {
    // Zeros past the old end have to be there, too.
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

  private naming<T>(verb: string, call: () => Promise<T>): Promise<T> {
    return naming(verb, this.terms.path, call);
  }
}
