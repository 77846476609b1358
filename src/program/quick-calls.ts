// System calls on files of this machine that memory answers most of the time: telling another thread of one takes longer than a
// page cache needs. So they are made at once, until one takes as long as a disk does: the next ones are made on libuv's threads,
// several at a time, and then one is tried again. Not for a place that may hang, such as a dead network file system.
import { closeSync, fstatSync, lstatSync, openSync, readSync, writeSync, type Stats } from 'node:fs';
import { closeFile, lstat as lstatCall, openFile, readInto, statOpen, writeFrom } from './system-calls.ts';

/** What takes longer waits for a disk, in ms. */
const slowMs = 0.5;

/** After one that was slow so many go to another thread. */
const patience = 32;

/** A call in its two forms, which do the same. */
function quick<Arguments extends unknown[], Result>(
  now: (...args: Arguments) => Result,
  later: (...args: Arguments) => Promise<Result>,
): (...args: Arguments) => Promise<Result> {
  let patient = 0;
  return async (...args) => {
    if (patient > 0) {
      patient -= 1;
      return later(...args);
    }
    const begun = performance.now();
    try {
      return now(...args);
    } finally {
      if (performance.now() - begun > slowMs) patient = patience;
    }
  };
}

export const open = quick(openSync as (path: string, flags: number, mode?: number) => number, openFile);
export const close = quick(closeSync, closeFile);
export const statOf = quick(fstatSync as (descriptor: number) => Stats, statOpen);
export const lstat = quick(lstatSync as (path: string) => Stats, lstatCall);

const read = quick(
  readSync as (
    descriptor: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ) => number,
  async (...args) => (await readInto(...args)).bytesRead,
);

const write = quick(
  writeSync as (
    descriptor: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ) => number,
  async (...args) => (await writeFrom(...args)).bytesWritten,
);

/** Fills the buffer from `position` unless the file ends; the number of bytes read. */
export async function fill(descriptor: number, buffer: Buffer, position: number): Promise<number> {
  let length = 0;
  while (length < buffer.length) {
    const count = await read(descriptor, buffer, length, buffer.length - length, position + length);
    if (count === 0) break;
    length += count;
  }
  return length;
}

/** Writes the bytes from `from` to `to`, the first of the buffer being at `position` in the file. */
export async function writeAllOf(
  descriptor: number,
  buffer: Buffer,
  from: number,
  to: number,
  position: number,
): Promise<void> {
  for (let at = from; at < to;) at += await write(descriptor, buffer, at, to - at, position + at);
}
