// The chunks of a new file on their way to the disk. Those that come while it is busy go there as one; and past the page cache,
// where the file system does that well: nobody reads the file soon, a copy through the cache costs several times as much of a
// processor, and would push out of it what a server of that machine needs.
import { constants, statfs, writev } from 'node:fs';
import { promisify } from 'node:util';
import { errnoOf } from '../../program/program-error.ts';
import { open } from '../../program/quick-calls.ts';
import { closeFile } from '../../program/system-calls.ts';
import { isOnPages } from '../sums/memory.ts';
import { chunkBytes } from '../target.ts';

const fileSystemOf = promisify(statfs);
const writeSeveral = promisify(writev) as (
  descriptor: number,
  buffers: readonly Buffer[],
  position: number,
) => Promise<{ bytesWritten: number }>;

/** Undefined where the system has none. */
const direct = constants.O_DIRECT as number | undefined;

/**
 * ext4, also as ext2 and ext3 (statfs(2)). XFS would give a place of its own to each such write, since it cannot know that more
 * will follow: files that come side by side would lie in pieces of a chunk for good. A network's file system would wait for each,
 * and one that compresses what it stores, or sums it, goes another way for them, or none.
 */
const writesDirectly: ReadonlySet<number> = new Set([0xef53]);

/** Writes all of them, one after the other from `position` on. */
async function writeAll(descriptor: number, buffers: readonly Buffer[], position: number): Promise<void> {
  let [left, at] = [buffers, position];
  while (left.length > 0) {
    const { bytesWritten } = await writeSeveral(descriptor, left, at);
    at += bytesWritten;
    left = afterBytes(left, bytesWritten);
  }
}

/** What of the buffers comes after so many bytes. */
export function afterBytes(buffers: readonly Buffer[], bytes: number): Buffer[] {
  let left = bytes;
  return buffers.flatMap((buffer) => {
    const done = Math.min(left, buffer.length);
    left -= done;
    return done === buffer.length ? [] : [buffer.subarray(done)];
  });
}

/** The same file, for writes past the page cache; undefined where there is no such way. */
async function openDirectly(descriptor: number): Promise<number | undefined> {
  if (direct === undefined) return undefined;
  // No name leads to another file than the one that is open.
  const path = `/proc/self/fd/${descriptor}`;
  try {
    const { type } = await fileSystemOf(path);
    return writesDirectly.has(type) ? await open(path, constants.O_WRONLY | direct) : undefined;
  } catch {
    return undefined;
  }
}

/** Chunks that go to the disk as one. */
interface Together {
  buffers: Buffer[];
  isDirect: boolean;
  /** The place after them. */
  end: number;
  written: Promise<void>;
}

export class NewFileWrites {
  private readonly descriptor: number;
  private readonly wrote: (bytes: number) => void;
  private direct: Promise<number | undefined> | undefined;
  /** Those that wait for the ones before them. */
  private next: Together | undefined;
  private before: Promise<unknown> = Promise.resolve();

  /** `wrote`: told how many bytes have gone into the page cache. */
  constructor(descriptor: number, wrote: (bytes: number) => void) {
    this.descriptor = descriptor;
    this.wrote = wrote;
  }

  /** The next chunk, whose place in the file is `at`. */
  write(bytes: Buffer, at: number): Promise<void> {
    const isDirect = bytes.length === chunkBytes && isOnPages(bytes);
    const isNext = this.next?.isDirect === isDirect && this.next.end === at;
    const together = isNext ? this.next! : this.begin(isDirect, at);
    together.buffers.push(bytes);
    together.end += bytes.length;
    this.next = together;
    return together.written;
  }

  /** When nothing is under way any more. */
  async close(): Promise<void> {
    const descriptor = await this.direct;
    this.direct = undefined;
    if (descriptor !== undefined) await closeFile(descriptor);
  }

  private begin(isDirect: boolean, at: number): Together {
    const buffers: Buffer[] = [];
    const written = this.before.then(() => {
      if (this.next?.buffers === buffers) this.next = undefined;
      return this.put(buffers, isDirect, at);
    });
    this.before = written.catch(() => undefined);
    return { buffers, isDirect, end: at, written };
  }

  private async put(buffers: readonly Buffer[], isDirect: boolean, at: number): Promise<void> {
    if (isDirect && (await this.putDirectly(buffers, at))) return;
    await writeAll(this.descriptor, buffers, at);
    this.wrote(buffers.reduce((sum, { length }) => sum + length, 0));
  }

  /** False where the file system does not take them so after all: they go there as others do. */
  private async putDirectly(buffers: readonly Buffer[], at: number): Promise<boolean> {
    const descriptor = await (this.direct ??= openDirectly(this.descriptor));
    if (descriptor === undefined) return false;
    try {
      await writeAll(descriptor, buffers, at);
      return true;
    } catch (error) {
      if (errnoOf(error) !== 'EINVAL') throw error;
      return false;
    }
  }
}
