// A data directory of this machine that a base backup is copied into: the verbs of target.ts, each in a file of its own.
import type { Found, Outside, Prepared, SourceCluster, Target, WholeFile } from '../target.ts';
import type { Names } from '../name-set.ts';
import type { PageDigests } from '../sums/page-digests.ts';
import type { ListedFile } from '../wire/small-files.ts';
import { finish } from './finish.ts';
import { look } from './look.ts';
import { NearFile } from './near-file.ts';
import { openForCopy } from './open-file.ts';
import { prepare, type Preparation } from './prepare.ts';
import { keptOf, writeSeveral } from './several.ts';
import { sweep } from './sweep.ts';
import type { Tree } from './tree.ts';

export interface NearOptions {
  /** Absolute; there, or its parent is. */
  directory: string;
  /** Directories in which tablespaces and pg_wal may be put besides where they are; 'any' for who works at this machine. */
  allowed: readonly string[] | 'any';
  /** For the names of temporary files. */
  nodeId: string;
}

/** As a Target, and what the far end of a line needs besides: its files can be read and patched. */
export interface NearTarget extends Target {
  file(path: string, mode: number, signal: AbortSignal): Promise<NearFile>;
  /**
   * Which of these small files of a directory are there as they should be, by proofs that are made with these digests; they have
   * their mode then, and are durable.
   */
  keeps(
    path: string,
    files: readonly ListedFile[],
    digests: PageDigests,
    signal: AbortSignal,
  ): Promise<boolean[]>;
}

/** The target for a directory of this machine. Nothing happens before its first verb. */
export function openNearTarget(options: NearOptions): NearTarget {
  return new Near(options);
}

class Near implements NearTarget {
  readonly url: string;
  readonly traffic = { sentBytes: 0, receivedBytes: 0 };
  private readonly options: NearOptions;
  private readonly open = new Set<NearFile>();
  private preparation: Preparation | undefined;

  constructor(options: NearOptions) {
    this.options = options;
    this.url = options.directory;
  }

  look(source: SourceCluster, outside: Outside, signal: AbortSignal, mayRun = false): Promise<Found> {
    return look(this.options, source, outside, signal, mayRun);
  }

  async prepare(source: SourceCluster, outside: Outside, signal: AbortSignal): Promise<Prepared> {
    this.preparation?.lock.release();
    this.preparation = await prepare(this.options, source, outside, signal);
    return this.preparation.prepared;
  }

  async directory(path: string, mode: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.tree.make(path, mode);
  }

  async file(path: string, mode: number, signal: AbortSignal): Promise<NearFile> {
    signal.throwIfAborted();
    const place = await this.tree.placeOf(path);
    const opened = await openForCopy(place);
    const closed = (file: NearFile): void => void this.open.delete(file);
    const file = new NearFile(opened, { path: place, mode, signal, closed });
    this.open.add(file);
    return file;
  }

  async several(path: string, files: readonly WholeFile[], signal: AbortSignal): Promise<'written'> {
    await writeSeveral(this.tree, path, files, signal);
    return 'written';
  }

  async keeps(
    path: string,
    files: readonly ListedFile[],
    digests: PageDigests,
    signal: AbortSignal,
  ): Promise<boolean[]> {
    return keptOf(this.tree, path, files, digests, signal);
  }

  async sweep(path: string, names: Names, signal: AbortSignal): Promise<number> {
    return sweep(this.tree, path, names, signal);
  }

  async finish(control: Buffer, signal: AbortSignal): Promise<void> {
    await finish(this.prepared, control, this.options.nodeId, signal);
    this.preparation = undefined;
  }

  async close(): Promise<void> {
    // A file that is still under way has told its fault already.
    await Promise.allSettled([...this.open].map((file) => file.close()));
    this.preparation?.lock.release();
    this.preparation = undefined;
  }

  private get tree(): Tree {
    return this.prepared.tree;
  }

  private get prepared(): Preparation {
    if (this.preparation === undefined) throw new Error(`${this.url} is not prepared`);
    return this.preparation;
  }
}
