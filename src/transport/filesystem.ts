// The file: road: an archive that is a directory of this machine or a mounted one. Exclusive and durable.
import { dirname, join } from 'node:path';
import type { Dirent } from 'node:fs';
import { fromSystemError, ProgramError } from '../program/program-error.ts';
import {
  closeFile,
  lstat,
  openFile,
  readDirectory,
  readText,
  settleOpenFile,
  stat,
  unlessMissing,
  unlink,
} from '../program/system-calls.ts';
import { parseGapRecord, writeGapRecord, type GapRecord } from '../program/gap-record.ts';
import { ensureDirectory } from '../program/small-file.ts';
import type { Watch } from '../program/watch-directory.ts';
import { parseWalFileName } from '../wal/filename.ts';
import {
  admitReader,
  admitWriter,
  requireDirectory,
  requireStillThere,
  type Admission,
} from './archive-identity.ts';
import { prunedAt, registerAt } from './archive-records.ts';
import { copyBytes, openRegular, openSourceFile } from './copy.ts';
import { duplicateFault, hintFor } from './archive-faults.ts';
import { alreadyInspected, publish, type Bytes } from './publish.ts';
import type { Need } from './consumer-record.ts';
import type { Registration } from './consumers.ts';
import type { PrunedRange } from './pruned-ranges.ts';
import type { Identity, InspectOf, PutOutcome, ReadTransport, Transport } from './transport.ts';

const promises = { exclusive: true, durable: true };

/** Opens the archive for writing and makes it this cluster's when it is nobody's. */
export async function openArchive(url: string, directory: string, identity: Identity): Promise<Transport> {
  return new ArchiveDirectory(url, directory, identity, await admitWriter(directory, identity));
}

/** Opens the archive for reading; nothing in it changes. */
export async function openArchiveForReading(
  url: string,
  directory: string,
  identity: Identity,
): Promise<ReadTransport> {
  return new ArchiveDirectory(url, directory, identity, await admitReader(directory, identity));
}

/** An archive that somebody was admitted to. */
export class ArchiveDirectory implements Transport {
  readonly promises = promises;
  readonly url: string;
  private readonly directory: string;
  private readonly identity: Identity;
  private readonly admission: Admission;

  constructor(url: string, directory: string, identity: Identity, admission: Admission) {
    this.url = url;
    this.directory = directory;
    this.identity = identity;
    this.admission = admission;
  }

  get isVacant(): boolean {
    return this.admission.isVacant;
  }

  async list(signal: AbortSignal): Promise<string[]> {
    signal.throwIfAborted();
    await requireDirectory(this.directory);
    const entries = await this.attempt('list', () => readDirectory(this.directory));
    const isWhole = (entry: Dirent): boolean => entry.isFile() && parseWalFileName(entry.name) !== undefined;
    return entries
      .filter(isWhole)
      .map(({ name }) => name)
      .sort();
  }

  async stat(name: string, signal: AbortSignal): Promise<{ sizeBytes: number } | 'missing'> {
    signal.throwIfAborted();
    const stats = await this.attempt(`look for ${name} at`, () => unlessMissing(stat(this.pathOf(name))));
    if (stats === undefined) return this.missing(name);
    if (!stats.isFile()) throw this.notRegular(name);
    return { sizeBytes: stats.size };
  }

  async get(
    name: string,
    path: string,
    inspectOf: InspectOf,
    signal: AbortSignal,
  ): Promise<'fetched' | 'missing'> {
    const found = await this.attempt(`read ${name} at`, () => unlessMissing(openRegular(this.pathOf(name))));
    if (found === undefined) return this.missing(name);
    if (found === 'not a file') throw this.notRegular(name);
    try {
      await this.fetch({ descriptor: found.descriptor, inspect: inspectOf(found.stats.size) }, path, signal);
    } catch (error) {
      throw fromSystemError(error, `could not restore ${name} from ${this.url}`);
    } finally {
      await closeFile(found.descriptor);
    }
    return 'fetched';
  }

  async put(name: string, source: string, inspectOf: InspectOf, signal: AbortSignal): Promise<PutOutcome> {
    const target = this.pathOf(name);
    const { descriptor, stats } = await openSourceFile(source);
    try {
      const bytes = { descriptor, inspect: inspectOf(stats.size) };
      const published = await publish(target, bytes, this.identity, signal);
      await requireStillThere(this.directory, this.admission);
      if (typeof published === 'string') return published;
      if (name.endsWith('.partial')) return await this.putVersion(name, bytes, signal);
      throw duplicateFault(name, this.url, published);
    } catch (error) {
      throw fromSystemError(error, `could not store ${name} at ${this.url}`, hintFor(error));
    } finally {
      await closeFile(descriptor);
    }
  }

  async recordGap(gap: GapRecord, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    requireWalName(gap.name);
    const write = (): void => writeGapRecord(this.ownPath('gaps'), gap, this.identity.nodeId);
    await this.attempt(`record the gap ${gap.name} at`, write);
  }

  async gapOf(name: string, signal: AbortSignal): Promise<GapRecord | undefined> {
    signal.throwIfAborted();
    const path = this.ownPath('gaps', requireWalName(name));
    const text = await this.attempt(`read ${path} at`, () => unlessMissing(readText(path, 'utf8')));
    return text === undefined ? undefined : parseGapRecord(path, text);
  }

  async prunedOf(name: string): Promise<PrunedRange | undefined> {
    return prunedAt(this.directory, requireWalName(name), this.identity.nodeId);
  }

  async registerConsumer(need: Need): Promise<Registration> {
    return registerAt(this.directory, need);
  }

  async remove(name: string, signal: AbortSignal): Promise<'removed' | 'missing'> {
    signal.throwIfAborted();
    const remove = () => unlink(this.pathOf(name)).then(() => 'removed' as const);
    return (await this.attempt(`remove ${name} at`, () => unlessMissing(remove()))) ?? 'missing';
  }

  async watch(wake: (name: string | undefined) => void): Promise<Watch> {
    const { watchDirectory } = await import('../program/watch-directory.ts');
    return watchDirectory(this.directory, wake);
  }

  async close(): Promise<void> {}

  private pathOf(name: string): string {
    return join(this.directory, requireWalName(name));
  }

  private ownPath(...parts: string[]): string {
    return join(this.directory, '.twowarm', ...parts);
  }

  /** "missing" is only true while the directory is there and holds the file in no other form. */
  private async missing(name: string): Promise<'missing'> {
    const lookFor = (path: string) => this.attempt('look into', () => unlessMissing(lstat(path)));
    const [link, compressed] = await Promise.all([
      lookFor(this.pathOf(name)),
      lookFor(`${this.pathOf(name)}.zst`),
      requireStillThere(this.directory, this.admission),
    ]);
    // A link that leads nowhere: somebody has put it there, and what it meant is not here.
    if (link !== undefined) throw this.notRegular(name);
    if (compressed === undefined) return 'missing';
    throw new ProgramError(
      'not-built',
      `cannot read ${name}.zst at ${this.url}: compression is not built yet`,
    );
  }

  private notRegular(name: string): ProgramError {
    return new ProgramError('input-output', `${name} at ${this.url} is not a regular file`);
  }

  private async fetch(bytes: Bytes, path: string, signal: AbortSignal): Promise<void> {
    const descriptor = await openFile(path, 'wx', 0o600).catch((error: unknown) => {
      // Not the source's fault: it must not be named.
      throw fromSystemError(error, `could not create a file in ${dirname(path)}`);
    });
    let whole = false;
    try {
      await settleOpenFile(descriptor, path);
      await copyBytes(bytes.descriptor, descriptor, bytes.inspect, signal);
      whole = true;
    } finally {
      await closeFile(descriptor);
      if (!whole) await unlink(path);
    }
  }

  /** Another promotion's partial segment: kept beside the first, named by its content. */
  private async putVersion(name: string, bytes: Bytes, signal: AbortSignal): Promise<PutOutcome> {
    const { hashFile } = await import('./hash.ts');
    const versions = this.ownPath('versions');
    ensureDirectory(versions);
    const target = join(versions, `${name}.${await hashFile(bytes.descriptor, signal)}`);
    const published = await publish(target, { ...bytes, inspect: alreadyInspected }, this.identity, signal);
    await requireStillThere(this.directory, this.admission);
    if (typeof published === 'string') return 'stored-as-version';
    throw duplicateFault(name, this.url, published);
  }

  private async attempt<T>(what: string, verb: () => T | Promise<T>): Promise<T> {
    try {
      return await verb();
    } catch (error) {
      throw fromSystemError(error, `could not ${what} ${this.url}`);
    }
  }
}

/** A name from outside becomes part of a path only through here. */
function requireWalName(name: string): string {
  if (parseWalFileName(name) !== undefined) return name;
  throw new ProgramError('invalid-name', `"${name}" is not the name of a WAL file`);
}
