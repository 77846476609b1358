// The file: road: an archive that is a directory of this machine or a mounted one. Exclusive and durable.
import { join } from 'node:path';
import { fromSystemError, ProgramError } from '../program/program-error.ts';
import {
  closeFile,
  lstat,
  readDirectory,
  readText,
  stat,
  unlessMissing,
  unlink,
} from '../program/system-calls.ts';
import { parseGapRecord, writeGapRecord, type GapRecord } from '../program/gap-record.ts';
import type { Watch } from '../program/watch-directory.ts';
import { parseWalFileName } from '../wal/filename.ts';
import {
  admitReader,
  admitWriter,
  requireDirectory,
  requireStillThere,
  type Admission,
} from './archive-identity.ts';
import { copyBytes, createFile, openRegular, openSourceFile } from './copy.ts';
import { duplicateFault, hintFor } from './archive-faults.ts';
import type { Written } from './compressed/publish-written.ts';
import { publish, type Published } from './publish.ts';
import { compressedPath, contentsPath, formFor, walNameOf, type Compression } from './stored-form.ts';
import type { Identity, InspectOf, PutOutcome, ReadTransport, Transport } from './transport.ts';
import { removeUnfinished } from './unfinished.ts';

const promises = { exclusive: true, durable: true };

/** Opens the archive for writing and makes it this cluster's when it is nobody's. New segments are stored as `compression` says. */
export async function openArchive(
  url: string,
  directory: string,
  identity: Identity,
  compression: Compression = 'none',
): Promise<ArchiveDirectory> {
  return new ArchiveDirectory(url, directory, identity, await admitWriter(directory, identity), compression);
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
  private readonly compression: Compression;

  constructor(
    url: string,
    directory: string,
    identity: Identity,
    admission: Admission,
    compression: Compression = 'none',
  ) {
    this.url = url;
    this.directory = directory;
    this.identity = identity;
    this.admission = admission;
    this.compression = compression;
  }

  get isVacant(): boolean {
    return this.admission.isVacant;
  }

  async list(signal: AbortSignal): Promise<string[]> {
    signal.throwIfAborted();
    await requireDirectory(this.directory);
    const entries = await this.attempt('list', () => readDirectory(this.directory));
    const names = entries.flatMap((entry) => (entry.isFile() && walNameOf(entry.name)) || []);
    return [...new Set(names)].sort();
  }

  async stat(name: string, signal: AbortSignal): Promise<{ sizeBytes: number } | 'missing'> {
    signal.throwIfAborted();
    const what = `look for ${name} at`;
    const stats = await this.attempt(what, () => unlessMissing(stat(this.pathOf(name))));
    if (stats?.isFile()) return { sizeBytes: stats.size };
    if (stats !== undefined) throw this.notRegular(name);
    if ((await this.otherForm(name)) === 'missing') return 'missing';
    const { sizeOf } = await import('./compressed/fetch-compressed.ts');
    const sizeBytes = await this.attempt(what, () => sizeOf(this.pathOf(name), signal));
    return sizeBytes === 'missing' ? sizeBytes : { sizeBytes };
  }

  async get(
    name: string,
    path: string,
    inspectOf: InspectOf,
    signal: AbortSignal,
  ): Promise<'fetched' | 'missing'> {
    const target = this.pathOf(name);
    const lookAtBoth = async () => {
      const compressed = await unlessMissing(lstat(compressedPath(target)));
      return compressed === undefined ? await unlessMissing(openRegular(target)) : 'compressed';
    };
    const found = (await this.attempt(`read ${name} at`, lookAtBoth)) ?? (await this.otherForm(name));
    if (found === 'missing') return found;
    if (found === 'not a file') throw this.notRegular(name);
    try {
      if (found === 'compressed') {
        const { fetchStored } = await import('./compressed/fetch-compressed.ts');
        return await fetchStored(target, path, inspectOf, signal);
      }
      const inspect = inspectOf(found.stats.size);
      await createFile(path, (to) => copyBytes(found.descriptor, to, inspect, signal));
    } catch (error) {
      throw fromSystemError(error, `could not restore ${name} from ${this.url}`);
    } finally {
      if (typeof found === 'object') await closeFile(found.descriptor);
    }
    return 'fetched';
  }

  async put(name: string, source: string, inspectOf: InspectOf, signal: AbortSignal): Promise<PutOutcome> {
    const target = this.pathOf(name);
    const { descriptor, stats } = await openSourceFile(source);
    try {
      const bytes = { descriptor, inspect: inspectOf(stats.size) };
      const store =
        formFor(name, this.compression) === 'plain'
          ? publish
          : (await import('./compressed/store-compressed.ts')).storeCompressed;
      const published = await store(target, bytes, this.identity, signal);
      return await this.settle(name, published, async () => {
        const { keepVersion } = await import('./versions.ts');
        return keepVersion(this.ownPath('versions'), name, bytes, this.identity, signal);
      });
    } catch (error) {
      throw fromSystemError(error, `could not store ${name} at ${this.url}`, hintFor(error));
    } finally {
      await closeFile(descriptor);
    }
  }

  /**
   * put for a file that has arrived already: whole, inspected and fsynced, in the form that it says, under a temporary name
   * of this directory (program/temporary-name.ts). The temporary file is gone afterwards, also when this throws.
   */
  async putWritten(name: string, written: Written, signal: AbortSignal): Promise<PutOutcome> {
    const target = this.pathOf(name);
    try {
      const { publishWritten } = await import('./compressed/publish-written.ts');
      const published = await publishWritten(target, written, this.identity, signal);
      return await this.settle(name, published, async () => {
        const { keepWrittenVersion } = await import('./compressed/written-version.ts');
        return keepWrittenVersion(this.ownPath('versions'), name, written, this.identity, signal);
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
    const write = (): void => writeGapRecord(this.ownPath('gaps'), gap, this.identity.nodeId);
    await this.attempt(`record the gap ${gap.name} at`, write);
  }

  async gapOf(name: string, signal: AbortSignal): Promise<GapRecord | undefined> {
    signal.throwIfAborted();
    const path = this.ownPath('gaps', requireWalName(name));
    const text = await this.attempt(`read ${path} at`, () => unlessMissing(readText(path, 'utf8')));
    return text === undefined ? undefined : parseGapRecord(path, text);
  }

  async remove(name: string, signal: AbortSignal): Promise<'removed' | 'missing'> {
    signal.throwIfAborted();
    const [target, what] = [this.pathOf(name), `remove ${name} at`];
    const remove = async (path: string): Promise<boolean> =>
      (await this.attempt(what, () => unlessMissing(unlink(path).then(() => true)))) ?? false;
    const [plain, compressed] = [await remove(target), await remove(compressedPath(target))];
    // Last: without its record a file only takes longer to be judged.
    await remove(contentsPath(target));
    return plain || compressed ? 'removed' : 'missing';
  }

  async watch(wake: (name: string | undefined) => void): Promise<Watch> {
    const { watchDirectory } = await import('../program/watch-directory.ts');
    return watchDirectory(this.directory, (entry) => wake(entry && (walNameOf(entry) ?? entry)));
  }

  async close(): Promise<void> {}

  private pathOf(name: string): string {
    return join(this.directory, requireWalName(name));
  }

  private ownPath(...parts: string[]): string {
    return join(this.directory, '.twowarm', ...parts);
  }

  /** For a file that is not there plain. "missing" is only true while the directory is there and holds no other form. */
  private async otherForm(name: string): Promise<'missing' | 'compressed'> {
    const lookFor = (path: string) => this.attempt('look into', () => unlessMissing(lstat(path)));
    const [link, compressed] = await Promise.all([
      lookFor(this.pathOf(name)),
      lookFor(compressedPath(this.pathOf(name))),
      requireStillThere(this.directory, this.admission),
    ]);
    // A link that leads nowhere: somebody has put it there, and what it meant is not here.
    if (link !== undefined) throw this.notRegular(name);
    return compressed === undefined ? 'missing' : 'compressed';
  }

  private notRegular(name: string): ProgramError {
    return new ProgramError('input-output', `${name} at ${this.url} is not a regular file`);
  }

  /** What a publication comes to; `keepVersion` is for another promotion's partial segment. */
  private async settle(
    name: string,
    published: Published,
    keepVersion: () => Promise<Published>,
  ): Promise<PutOutcome> {
    await requireStillThere(this.directory, this.admission);
    if (typeof published === 'string') return published;
    if (!name.endsWith('.partial')) throw duplicateFault(name, this.url, published);
    const kept = await keepVersion();
    await requireStillThere(this.directory, this.admission);
    if (typeof kept === 'string') return 'stored-as-version';
    throw duplicateFault(name, this.url, kept);
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
