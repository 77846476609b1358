// The writing half of the file: road (filesystem.ts): files and gap records into an archive that is a directory, in the form
// that the destination's compression says.
import type { GapRecord } from '../program/gap-record.ts';
import { fromSystemError } from '../program/program-error.ts';
import { closeFile } from '../program/system-calls.ts';
import { duplicateFault, hintFor } from './archive-faults.ts';
import { admitWriter, type Admission } from './archive-identity.ts';
import type { Written } from './compressed/publish-written.ts';
import { openSourceFile } from './copy.ts';
import { ArchiveDirectory, requireWalName } from './filesystem.ts';
import { publish, type Published } from './publish.ts';
import { formFor, type Compression } from './stored-form.ts';
import type { Identity, InspectOf, PutOutcome, Transport } from './transport.ts';
import { removeUnfinished } from './unfinished.ts';
import { writerOf } from './writer.ts';

/** Opens the archive for writing and makes it this cluster's when it is nobody's. New segments are stored as `compression` says. */
export async function openArchive(
  url: string,
  directory: string,
  identity: Identity,
  compression: Compression = 'none',
): Promise<WritableArchive> {
  return new WritableArchive(url, directory, identity, await admitWriter(directory, identity), compression);
}

/** An archive that a writer was admitted to. */
export class WritableArchive extends ArchiveDirectory implements Transport {
  private readonly compression: Compression;

  constructor(
    url: string,
    directory: string,
    identity: Identity,
    admission: Admission,
    compression: Compression,
  ) {
    super(url, directory, identity, admission);
    this.compression = compression;
  }

  async put(name: string, source: string, inspectOf: InspectOf, signal: AbortSignal): Promise<PutOutcome> {
    const target = this.pathOf(name);
    await this.requireOwner(`store ${name}`);
    const { descriptor, stats } = await openSourceFile(source);
    try {
      const bytes = { descriptor, inspect: inspectOf(stats.size) };
      const store =
        formFor(name, this.compression) === 'plain'
          ? publish
          : (await import('./compressed/store-compressed.ts')).storeCompressed;
      const fence = this.fenceOf(name, signal);
      const published = await store(target, bytes, this.identity, signal, fence);
      return await this.settle(name, published, signal, async () => {
        const { keepVersion } = await import('./versions.ts');
        return keepVersion(this.ownPath('versions'), name, bytes, this.identity, signal, fence);
      });
    } catch (error) {
      throw fromSystemError(error, `could not store ${name} at ${this.url}`, hintFor(error));
    } finally {
      await closeFile(descriptor);
    }
  }

  /** Throws `fenced` unless the archive takes files from this node: for one who receives a file before it is put. */
  requireMayStore(name: string): Promise<void> {
    return this.requireOwner(`store ${name}`);
  }

  /** What put does where it finds the very file there, for one who has found it. */
  async settleFound(name: string, signal: AbortSignal): Promise<void> {
    await this.requireStillThere();
    if (name.endsWith('.history')) await this.learnFromHistory(name, 'already-stored', signal);
  }

  /**
   * put for a file that has arrived already: whole, inspected and fsynced, in the form that it says, under a temporary name
   * of this directory (program/temporary-name.ts). The temporary file is gone afterwards, also when this throws.
   */
  async putWritten(name: string, written: Written, signal: AbortSignal): Promise<PutOutcome> {
    try {
      const target = this.pathOf(name);
      await this.requireOwner(`store ${name}`);
      const { publishWritten } = await import('./compressed/publish-written.ts');
      const fence = this.fenceOf(name, signal);
      const published = await publishWritten(target, written, this.identity, signal, fence);
      return await this.settle(name, published, signal, async () => {
        const { keepWrittenVersion } = await import('./compressed/written-version.ts');
        return keepWrittenVersion(this.ownPath('versions'), name, written, this.identity, signal, fence);
      });
    } catch (error) {
      throw fromSystemError(error, `could not store ${name} at ${this.url}`, hintFor(error));
    } finally {
      await removeUnfinished(this.identity.stateDirectory, written.temporary);
    }
  }

  async recordGap(gap: GapRecord, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    requireWalName(gap.name);
    await this.requireOwner(`record the gap ${gap.name}`);
    await this.attempt(`record the gap ${gap.name} at`, async () => {
      const { recordGapIn } = await import('./gap-record-at.ts');
      await this.fenceOf(gap.name, signal, `record the gap ${gap.name}`).before();
      await recordGapIn(this.ownPath('gaps'), gap, writerOf(this.identity));
    });
  }

  /** What a publication comes to; `keepVersion` is for another promotion's partial segment. */
  private async settle(
    name: string,
    published: Published,
    signal: AbortSignal,
    keepVersion: () => Promise<Published>,
  ): Promise<PutOutcome> {
    await this.requireStillThere();
    if (name.endsWith('.history')) await this.learnFromHistory(name, published, signal);
    if (typeof published === 'string') return published;
    if (!name.endsWith('.partial')) throw duplicateFault(name, this.url, published);
    const kept = await keepVersion();
    await this.requireStillThere();
    if (typeof kept === 'string') return 'stored-as-version';
    throw duplicateFault(name, this.url, kept);
  }
}
