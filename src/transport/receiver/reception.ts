// A file that is arriving: written under a temporary name in the archive while its plaintext is hashed and checked. It
// gets its name in store.ts, and only if all of it is what was announced.
import { createHash } from 'node:crypto';
import { ProgramError } from '../../program/program-error.ts';
import {
  closeFile,
  fdatasync,
  fsync,
  openFile,
  settleOpenFile,
  writeFrom,
} from '../../program/system-calls.ts';
import { temporaryPath } from '../../program/temporary-name.ts';
import { EarlyFlush } from '../early-flush.ts';
import { syncOrFail, type Content } from '../publish.ts';
import type { Identity, Inspect } from '../transport.ts';
import { noteUnfinished, removeUnfinished } from '../unfinished.ts';

/** Inspections rely on multiples of 64 kB. */
const chunkBytes = 524_288;

/** Passes on plaintext in the chunks that an inspection needs, and knows at the end whether it is what was announced. */
export class PlainCheck {
  private readonly buffer = Buffer.allocUnsafeSlow(chunkBytes);
  private filled = 0;
  private total = 0;
  private readonly hash = createHash('sha256');
  private readonly announced: Content;
  private readonly inspect: Inspect;

  constructor(announced: Content, inspect: Inspect) {
    this.announced = announced;
    this.inspect = inspect;
  }

  add(bytes: Buffer): void {
    this.total += bytes.length;
    // At once: what decodes to more than it should must not fill the disk.
    if (this.total > this.announced.sizeBytes) throw this.differs(`more than ${this.announced.sizeBytes} bytes came`);
    this.hash.update(bytes);
    for (let at = 0; at < bytes.length;) {
      const copied = bytes.copy(this.buffer, this.filled, at);
      at += copied;
      this.filled += copied;
      if (this.filled === chunkBytes) this.pass();
    }
  }

  end(): void {
    if (this.filled > 0) this.pass();
    if (this.total !== this.announced.sizeBytes)
      throw this.differs(`${this.total} of ${this.announced.sizeBytes} bytes came`);
    if (this.hash.digest('hex') !== this.announced.sha256) throw this.differs('its SHA-256 is another one');
    this.inspect.end();
  }

  private pass(): void {
    this.inspect.add(this.buffer.subarray(0, this.filled));
    this.filled = 0;
  }

  private differs(reason: string): ProgramError {
    return new ProgramError('input-output', `what arrived is not what was announced: ${reason}`);
  }
}

/** The temporary file that what arrives is written to. */
export class Arriving {
  private readonly temporary: string;
  private readonly descriptor: number;
  private readonly by: Identity;
  private readonly early: EarlyFlush;
  private isOpen = true;

  private constructor(temporary: string, descriptor: number, by: Identity) {
    this.temporary = temporary;
    this.descriptor = descriptor;
    this.by = by;
    this.early = new EarlyFlush(() => syncOrFail(descriptor, temporary, fdatasync));
  }

  /** Makes the temporary file of a name, in the same directory. */
  static async begin(target: string, by: Identity): Promise<Arriving> {
    const temporary = temporaryPath(target, by.nodeId);
    noteUnfinished(by.stateDirectory, temporary);
    const descriptor = await openFile(temporary, 'wx', 0o600);
    const arriving = new Arriving(temporary, descriptor, by);
    try {
      await settleOpenFile(descriptor, temporary);
    } catch (error) {
      await arriving.discard();
      throw error;
    }
    return arriving;
  }

  async write(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += (await writeFrom(this.descriptor, bytes, at, bytes.length - at, null)).bytesWritten;
    }
    this.early.wrote(bytes.length);
  }

  /** Makes it durable under its temporary name, which it returns. */
  async finish(): Promise<string> {
    await this.early.settle();
    this.early.throwFault();
    await syncOrFail(this.descriptor, this.temporary, fsync);
    await this.close();
    return this.temporary;
  }

  /** Removes the temporary file; safe to call at any time. */
  async discard(): Promise<void> {
    await this.close();
    await removeUnfinished(this.by.stateDirectory, this.temporary);
  }

  private async close(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    await this.early.settle();
    await closeFile(this.descriptor);
  }
}
