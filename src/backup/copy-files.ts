// All files of the cluster into the target, several at once: directory by directory, so that what is gone at the source can go
// there, too, as soon as one is done. pg_control is not among them.
import { join } from 'node:path';
import type { Target } from '../copying/target.ts';
import { holdsRelations, relationFileOf } from './source/exclusions.ts';
import type { Buffers } from './source/buffers.ts';
import type { Manifest } from './source/manifest.ts';
import { PageCheck, type DamagedPage, type PageLayout } from './source/pages.ts';
import { sendFile, type Sending, type SentFile, type SourceFile } from './source/send-file.ts';
import { below, walk, type Source, type SourceDirectory } from './source/walk.ts';

export interface CopyJob {
  source: Source;
  target: Target;
  /** Undefined before 13. */
  manifest: Manifest | undefined;
  /** Undefined: pages are not looked at. */
  layout: PageLayout | undefined;
  buffers: Buffers;
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

/** Work that runs beside other work, up to a number at once; the first fault stops all of it. */
class Crew {
  private readonly most: number;
  private readonly stopping: AbortController;
  private readonly working = new Set<Promise<void>>();

  constructor(most: number, stopping: AbortController) {
    this.most = most;
    this.stopping = stopping;
  }

  /** Begins the work once there is room for it. */
  async begin(work: () => Promise<void>): Promise<void> {
    while (this.working.size >= this.most) await Promise.race(this.working);
    this.stopping.signal.throwIfAborted();
    const done: Promise<void> = work()
      .catch((error: unknown) => this.stopping.abort(error))
      .finally(() => this.working.delete(done));
    this.working.add(done);
  }

  async settle(): Promise<void> {
    while (this.working.size > 0) await Promise.race(this.working);
  }
}

class Copying {
  readonly copied = { files: 0, directories: 0, sizeBytes: 0, removed: 0 };
  readonly damaged: Damaged[] = [];
  readonly leftOut: string[] = [];
  private readonly job: CopyJob;
  private readonly crew: Crew;
  private readonly sending: Sending;

  constructor(job: CopyJob, crew: Crew, signal: AbortSignal) {
    this.job = job;
    this.crew = crew;
    this.sending = { ...job, signal };
  }

  async directory(directory: SourceDirectory): Promise<void> {
    const { path, mode, files, names, special } = directory;
    const { target } = this.job;
    if (path !== '') await target.directory(path, mode, this.sending.signal);
    this.copied.directories += 1;
    for (const name of special) {
      names.delete(name);
      if (this.leftOut.length < mostRemembered) this.leftOut.push(below(path, name));
    }
    let open = files.size;
    if (open === 0) return this.sweep(path, names);
    for (const name of files) {
      await this.crew.begin(async () => {
        if ((await this.file(path, name)) === 'vanished') names.delete(name);
        open -= 1;
        if (open === 0) await this.sweep(path, names);
      });
    }
  }

  private async sweep(path: string, names: ReadonlySet<string>): Promise<void> {
    const removed = await this.job.target.sweep(path, names, this.sending.signal);
    // Other directories are swept meanwhile.
    this.copied.removed += removed;
  }

  private async file(directory: string, name: string): Promise<'copied' | 'vanished'> {
    const path = below(directory, name);
    const from = join(this.job.source.dataDirectory, path);
    const check = this.checkFor(directory, name);
    const file: SourceFile = check === undefined ? { from, to: path } : { from, to: path, check };
    const sent = await sendFile(file, this.sending);
    if (sent === 'vanished') return 'vanished';
    this.note(path, sent);
    return 'copied';
  }

  /** Only the files of relations consist of pages. */
  private checkFor(directory: string, name: string): SourceFile['check'] {
    const { layout } = this.job;
    const relation = holdsRelations(directory) ? relationFileOf(name) : undefined;
    if (layout === undefined || relation === undefined) return undefined;
    return (descriptor) => new PageCheck(descriptor, relation.segment, layout);
  }

  private note(path: string, { sizeBytes, sha256, modified, check }: SentFile): void {
    this.copied.files += 1;
    this.copied.sizeBytes += sizeBytes;
    this.job.manifest?.file(path, sizeBytes, modified, sha256);
    if (check === undefined || check.damagedCount === 0) return;
    if (this.damaged.length < mostRemembered)
      this.damaged.push({ path, pages: check.damaged, count: check.damagedCount });
  }
}

/** Copies everything. Throws the first fault, or the reason of the signal, once nothing is under way any more. */
export async function copyFiles(job: CopyJob): Promise<Copied> {
  const stopping = new AbortController();
  const signal = AbortSignal.any([job.signal, stopping.signal]);
  const crew = new Crew(job.jobs, stopping);
  const copying = new Copying(job, crew, signal);
  try {
    for await (const directory of walk(job.source)) await copying.directory(directory);
  } catch (error) {
    stopping.abort(error);
  }
  await crew.settle();
  job.signal.throwIfAborted();
  stopping.signal.throwIfAborted();
  return { ...copying.copied, damaged: copying.damaged, leftOut: copying.leftOut };
}
