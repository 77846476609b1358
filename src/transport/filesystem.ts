// The file: road: an archive that is a directory of this machine or a mounted one. Exclusive and durable. How it is
// written is in filesystem-writing.ts, which restore_command does not load.
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
import { parseGapRecord, type GapRecord } from '../program/gap-record.ts';
import type { Watch } from '../program/watch-directory.ts';
import { parseWalFileName } from '../wal/filename.ts';
import { admitReader, requireDirectory, requireStillThere } from './archive-identity.ts';
import { prunedAt, registerAt } from './archive-records.ts';
import type { Need } from './consumer-record.ts';
import type { Registration } from './consumers.ts';
import { copyBytes, createFile, openRegular } from './copy.ts';
import { OwnedDirectory } from './owned-directory.ts';
import type { PrunedRange } from './pruned-ranges.ts';
import { compressedPath, contentsPath, walNameOf } from './stored-form.ts';
import type { Identity, InspectOf, ReadTransport } from './transport.ts';
import { writerOf } from './writer.ts';

const promises = { exclusive: true, durable: true };

/** Opens the archive for reading; nothing in it changes. */
export async function openArchiveForReading(
  url: string,
  directory: string,
  identity: Identity,
): Promise<ReadTransport> {
  return new ArchiveDirectory(url, directory, identity, await admitReader(directory, identity));
}

/** An archive that somebody was admitted to, without the verbs of a writer. */
export class ArchiveDirectory extends OwnedDirectory implements ReadTransport {
  readonly promises = promises;

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
    const other = await this.otherForm(name);
    if (other === 'appeared') return this.stat(name, signal);
    if (other === 'missing') return other;
    const { sizeOf } = await import('./compressed/fetch-compressed.ts');
    const sizeBytes = await this.attempt(what, () => sizeOf(this.pathOf(name), signal));
    return sizeBytes === 'missing' ? this.gone(name) : { sizeBytes };
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
    if (found === 'appeared') return this.get(name, path, inspectOf, signal);
    if (found === 'missing') return found;
    if (found === 'not a file') throw this.notRegular(name);
    try {
      if (found === 'compressed') {
        const { fetchStored } = await import('./compressed/fetch-compressed.ts');
        const outcome = await fetchStored(target, path, inspectOf, signal);
        return outcome === 'missing' ? await this.gone(name) : outcome;
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

  async gapOf(name: string, signal: AbortSignal): Promise<GapRecord | undefined> {
    signal.throwIfAborted();
    const path = this.ownPath('gaps', requireWalName(name));
    const text = await this.attempt(`read ${path} at`, () => unlessMissing(readText(path, 'utf8')));
    return text === undefined ? undefined : parseGapRecord(path, text);
  }

  async prunedOf(name: string): Promise<PrunedRange | undefined> {
    return prunedAt(this.directory, requireWalName(name), writerOf(this.identity));
  }

  async registerConsumer(need: Need): Promise<Registration> {
    return registerAt(this.directory, need);
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

  /** Throws when another directory stands where the admitted one was. */
  requireStillThere(): Promise<void> {
    return requireStillThere(this.directory, this.admission);
  }

  protected pathOf(name: string): string {
    return join(this.directory, requireWalName(name));
  }

  /**
   * For a file that was not there plain. "missing" is only true while the directory is there and holds no other form;
   * "appeared": it has come since.
   */
  private async otherForm(name: string): Promise<'missing' | 'compressed' | 'appeared'> {
    const lookFor = (path: string) => this.attempt('look into', () => unlessMissing(lstat(path)));
    const [link, compressed] = await Promise.all([
      lookFor(this.pathOf(name)),
      lookFor(compressedPath(this.pathOf(name))),
      this.requireStillThere(),
    ]);
    if (link === undefined) return compressed === undefined ? 'missing' : 'compressed';
    const target = await this.attempt('look into', () => unlessMissing(stat(this.pathOf(name))));
    if (target !== undefined) return 'appeared';
    // A link that leads nowhere: somebody has put it there, and what it meant is not here.
    throw this.notRegular(name);
  }

  /** For a compressed file that was there a moment ago: removed, unless it is the directory that is gone. */
  private async gone(name: string): Promise<'missing'> {
    if ((await this.otherForm(name)) === 'missing') return 'missing';
    throw new ProgramError('input-output', `${name} at ${this.url} changes while it is read`);
  }

  private notRegular(name: string): ProgramError {
    return new ProgramError('input-output', `${name} at ${this.url} is not a regular file`);
  }
}

/** A name from outside becomes part of a path only through here. */
export function requireWalName(name: string): string {
  if (parseWalFileName(name) !== undefined) return name;
  throw new ProgramError('invalid-name', `"${name}" is not the name of a WAL file`);
}
