// A file that is arriving: written under a temporary name in the archive. It gets its name in store.ts, and only if all
// of it is what was announced.
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
import { syncOrFail } from '../publish.ts';
import type { Identity } from '../transport.ts';
import { noteUnfinished, removeUnfinished } from '../unfinished.ts';

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
    const descriptor = await openFile(temporary, 'wx', 0o600).catch(async (error: unknown) => {
      await removeUnfinished(by.stateDirectory, temporary);
      throw error;
    });
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
