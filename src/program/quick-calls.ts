// System calls on files of this machine that memory answers most of the time: telling another thread of one takes longer than a
// page cache needs. So they are made at once, until one takes as long as a disk does: the next ones are made on libuv's threads,
// several at a time, and then one is tried again, later each time. Nothing else, not even a signal, is heard meanwhile: so what
// changes a file system, which may be frozen or wait for its journal, is never made at once, nor anything where one may hang with
// another machine.
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync, statfs, type Stats } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { closeFile, lstat as lstatCall, openFile, readInto, statOpen } from './system-calls.ts';

/** What takes longer waits for a disk, in ms. */
const slowMs = 0.5;

/** After one that was slow so many go to another thread, twice as many each time that it is slow again. */
const leastPatience = 32;
const mostPatience = 4096;

/** File systems on disks of this machine (statfs(2)): ext2 to ext4, XFS, Btrfs, ZFS, F2FS, tmpfs, overlayfs, bcachefs. */
const localTypes: ReadonlySet<number> = new Set([
  ...[0xef53, 0x5846_5342, 0x9123_683e, 0x2fc1_2fc1, 0xf2f5_2010, 0x0102_1994, 0x794c_7630, 0xca45_1a4e],
]);

/** Undefined until anybody has said where the files are. */
let areLocal: boolean | undefined;

/**
 * To be said of all directories whose files are going to be used, before that: until then, and where one of them is not known to
 * lie on this machine, every call goes to another thread.
 */
export async function expectFilesIn(directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    const type = await promisify(statfs)(directory).then(
      (found) => found.type,
      () => undefined,
    );
    areLocal = areLocal !== false && type !== undefined && localTypes.has(type);
  }
}

/** Whoever makes call after call at once leaves nobody else a turn: so long at most, in ms. */
const mostMsWithoutTurn = 20;
let turnedAt = 0;

/** A call in its two forms, which do the same. */
function quick<Arguments extends unknown[], Result>(
  now: (...args: Arguments) => Result,
  later: (...args: Arguments) => Promise<Result>,
): (...args: Arguments) => Promise<Result> {
  let [patience, left] = [leastPatience, 0];
  return async (...args) => {
    if (left > 0 || areLocal !== true) {
      left -= 1;
      return later(...args);
    }
    let begun = performance.now();
    if (begun - turnedAt > mostMsWithoutTurn) {
      await turn();
      turnedAt = begun = performance.now();
    }
    try {
      return now(...args);
    } finally {
      const isSlow = performance.now() - begun > slowMs;
      left = isSlow ? patience : 0;
      patience = isSlow ? Math.min(2 * patience, mostPatience) : leastPatience;
    }
  };
}

const openThere = quick(openSync as (path: string, flags: number) => number, openFile);

export const open = (path: string, flags: number, mode?: number): Promise<number> =>
  (flags & constants.O_CREAT) === 0 ? openThere(path, flags) : openFile(path, flags, mode);
export const close = quick(closeSync, closeFile);
export const statOf = quick(fstatSync as (descriptor: number) => Stats, statOpen);
export const lstat = quick(lstatSync as (path: string) => Stats, lstatCall);

export const read = quick(
  (...[descriptor, buffer, offset, length, position]: Parameters<typeof readInto>) => ({
    bytesRead: readSync(descriptor, buffer, offset, length, position),
  }),
  readInto,
);
