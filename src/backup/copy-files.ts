// All files of the cluster into the target, several at once: directory by directory, so that what is gone at the source can go
// there, too, as soon as one is done. pg_control is not among them.
import { join } from 'node:path';
import type { Target } from '../copying/target.ts';
import { Crew } from './crew.ts';
import { holdsRelations, relationFileOf } from './source/exclusions.ts';
import type { Buffers } from './source/buffers.ts';
import type { ChecksumName } from './source/checksum-names.ts';
import type { Manifest } from './source/manifest.ts';
import type { Names, NameSet } from '../copying/name-set.ts';
import { PageCheck, type DamagedPage, type PageLayout } from './source/pages.ts';
import { sendFile, type Sending, type SentFile, type SourceFile } from './source/send-file.ts';
import { sendSmallFiles, type NamedFile } from './source/small-files.ts';
import { below, walk, type Source, type SourceDirectory } from './source/walk.ts';

export interface CopyJob {
  source: Source;
  target: Target;
  /** Undefined before 13. */
  manifest: Manifest | undefined;
  /** Undefined: pages are not looked at. */
  layout: PageLayout | undefined;
  buffers: Buffers;
  checksums: ChecksumName;
  /** How many files at once. */
  jobs: number;
  progress: (bytes: number) => void;
  signal: AbortSignal;
}

export interface Damaged {
  path: string;
  /** The first ones, and how many there are. */
  pages: readonly DamagedPage[];
  count: number;
}

export interface Copied {
  files: number;
  directories: number;
  sizeBytes: number;
  /** What the target had that the source has not. */
  removed: number;
  damaged: readonly Damaged[];
  /** Relative; neither files nor directories, which no base backup takes. */
  leftOut: readonly string[];
}

/** Of damaged files, and of what was left out, no more are remembered. */
const mostRemembered = 100;

/** A directory whose files are on their way. */
interface Filling {
  path: string;
  /** All that belongs there; what has vanished meanwhile does not. */
  files: NameSet;
  directories: ReadonlySet<string>;
  /** How many of its files are not done. */
  open: number;
}

/** So many files of a directory are one piece of work, for those of them that are small go together. */
const filesInPiece = 64;

class Copying {
  readonly copied = { files: 0, directories: 0, sizeBytes: 0, removed: 0 };
  readonly damaged: Damaged[] = [];
  readonly leftOut: string[] = [];
  private readonly job: CopyJob;
  private readonly crew: Crew;
  private readonly sending: Sending;
  /** Files that go by themselves, once somebody has the time. */
  private readonly alone: { filling: Filling; file: NamedFile }[] = [];

  constructor(job: CopyJob, crew: Crew, signal: AbortSignal) {
    this.job = job;
    this.crew = crew;
    this.sending = { ...job, signal };
  }

  async directory({ path, mode, files, directories, special }: SourceDirectory): Promise<void> {
    if (path !== '') await this.job.target.directory(path, mode, this.sending.signal);
    this.copied.directories += 1;
    for (const name of special) {
      if (this.leftOut.length < mostRemembered) this.leftOut.push(below(path, name));
    }
    const filling = { path, files, directories, open: files.size };
    if (files.size === 0) return this.sweep(filling);
    for (const some of inPieces(files, filesInPiece))
      await this.crew.begin(() =>
        this.several(
          filling,
          some.map((name) => this.fileOf(path, name)),
        ),
      );
    await this.beginAlone();
  }

  /** After the last directory: resolves when nothing is under way any more. */
  async settle(): Promise<void> {
    do {
      await this.beginAlone();
      await this.crew.settle();
    } while (this.alone.length > 0);
  }

  private async beginAlone(): Promise<void> {
    for (let next = this.alone.shift(); next !== undefined; next = this.alone.shift()) {
      const { filling, file } = next;
      await this.crew.begin(async () => this.done(filling, file, await sendFile(file, this.sending)));
    }
  }

  private async several(filling: Filling, files: readonly NamedFile[]): Promise<void> {
    const ended: [NamedFile, SentFile | 'vanished'][] = [];
    await sendSmallFiles(filling.path, files, this.sending, (file, fate) => {
      if (fate === 'alone') this.alone.push({ filling, file });
      else ended.push([file, fate]);
    });
    for (const [file, fate] of ended) await this.done(filling, file, fate);
  }

  private async done(filling: Filling, file: NamedFile, fate: SentFile | 'vanished'): Promise<void> {
    if (fate === 'vanished') filling.files.delete(file.name);
    else this.note(file.to, fate);
    filling.open -= 1;
    if (filling.open === 0) await this.sweep(filling);
  }

  private async sweep({ path, files, directories }: Filling): Promise<void> {
    const names: Names = {
      has: (name) => files.has(name) || directories.has(name),
      *[Symbol.iterator]() {
        yield* files;
        yield* directories;
      },
    };
    const removed = await this.job.target.sweep(path, names, this.sending.signal);
    // Other directories are swept meanwhile.
    this.copied.removed += removed;
  }

  private fileOf(directory: string, name: string): NamedFile {
    const to = below(directory, name);
    const from = join(this.job.source.dataDirectory, to);
    const check = this.checkFor(directory, name);
    return check === undefined ? { name, from, to } : { name, from, to, check };
  }

  /** Only the files of relations consist of pages. */
  private checkFor(directory: string, name: string): SourceFile['check'] {
    const { layout } = this.job;
    const relation = holdsRelations(directory) ? relationFileOf(name) : undefined;
    if (layout === undefined || relation === undefined) return undefined;
    return (descriptor) => new PageCheck(descriptor, relation.segment, layout);
  }

  private note(path: string, { sizeBytes, checksum, modified, check }: SentFile): void {
    this.copied.files += 1;
    this.copied.sizeBytes += sizeBytes;
    this.job.manifest?.file(path, sizeBytes, modified, checksum);
    if (check === undefined || check.damagedCount === 0) return;
    if (this.damaged.length < mostRemembered)
      this.damaged.push({ path, pages: check.damaged, count: check.damagedCount });
  }
}

function* inPieces<T>(all: Iterable<T>, size: number): Generator<T[]> {
  let piece: T[] = [];
  for (const one of all) {
    piece.push(one);
    if (piece.length < size) continue;
    yield piece;
    piece = [];
  }
  if (piece.length > 0) yield piece;
}

/** Copies everything. Throws the first fault, or the reason of the signal, once nothing is under way any more. */
export async function copyFiles(job: CopyJob): Promise<Copied> {
  const stopping = new AbortController();
  const signal = AbortSignal.any([job.signal, stopping.signal]);
  const crew = new Crew(job.jobs, stopping);
  const copying = new Copying(job, crew, signal);
  try {
    for await (const directory of walk(job.source)) await copying.directory(directory);
    await copying.settle();
  } catch (error) {
    stopping.abort(error);
  }
  await crew.settle();
  job.signal.throwIfAborted();
  stopping.signal.throwIfAborted();
  return { ...copying.copied, damaged: copying.damaged, leftOut: copying.leftOut };
}
