// Bytes from one open file to another, and the comparison of two files, in small reused buffers: fresh memory is dear
// on virtual machines, and a segment may have 1 GB. Reading runs ahead of writing by one chunk.
import { constants, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { fromSystemError, ProgramError } from '../program/program-error.ts';
import {
  closeFile,
  openFile,
  readInto,
  settleOpenFile,
  statOpen,
  unlink,
  writeFrom,
} from '../program/system-calls.ts';
import { EarlyFlush } from './early-flush.ts';
import type { Inspect } from './transport.ts';

/** A multiple of the 64 kB that inspections rely on. */
export const chunkBytes = 524_288;

export interface OpenFile {
  descriptor: number;
  stats: Stats;
}

/** Opens a regular file for reading; O_NONBLOCK because a FIFO would block for ever. */
export async function openRegular(path: string): Promise<OpenFile | 'not a file'> {
  const descriptor = await openFile(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stats = await statOpen(descriptor);
  if (stats.isFile()) return { descriptor, stats };
  await closeFile(descriptor);
  return 'not a file';
}

/** Opens the file to store; a `source-missing` error when it cannot be opened or is no regular file. */
export async function openSourceFile(source: string): Promise<OpenFile> {
  const opened = await openRegular(source).catch((error: unknown) => {
    const reason = fromSystemError(error, `could not open "${source}"`);
    throw new ProgramError('source-missing', reason.message, { cause: error });
  });
  if (opened !== 'not a file') return opened;
  throw new ProgramError('source-missing', `could not open "${source}": it is not a regular file`);
}

/** Fills the buffer from `position` unless the file ends, by that call; the number of bytes read. */
export async function fill(
  descriptor: number,
  buffer: Buffer,
  position: number,
  read: typeof readInto = readInto,
): Promise<number> {
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await read(descriptor, buffer, length, buffer.length - length, position + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length;
}

export async function writeAll(descriptor: number, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += (await writeFrom(descriptor, bytes, at, bytes.length - at, null)).bytesWritten;
  }
}

/** Buffers that were read into before: memory that was never touched costs more than reading does. */
const pairs: [Buffer, Buffer][] = [];

/** Hands all of a file over in chunks that are reused once `use` is done with them; reading runs ahead. Returns the bytes. */
export async function readBytes(
  from: number,
  signal: AbortSignal,
  use: (chunk: Buffer) => void | Promise<void>,
): Promise<number> {
  const buffers = pairs.pop() ?? [Buffer.allocUnsafeSlow(chunkBytes), Buffer.allocUnsafeSlow(chunkBytes)];
  let [current, other] = buffers;
  let total = 0;
  let ahead = fill(from, current, 0);
  try {
    for (;;) {
      const length = await ahead;
      signal.throwIfAborted();
      if (length === 0) return total;
      const chunk = current.subarray(0, length);
      [current, other] = [other, current];
      total += length;
      ahead = fill(from, current, total);
      await use(chunk);
    }
  } finally {
    // The descriptor must not be closed under a call that is still running, nor the buffer be given to another one.
    await ahead.catch(() => undefined);
    pairs.push(buffers);
  }
}

/** Makes the file `path`, which must not exist, with what `write` puts into it; after a throw nothing is there. */
export async function createFile(
  path: string,
  write: (descriptor: number) => Promise<unknown>,
): Promise<void> {
  const descriptor = await openFile(path, 'wx', 0o600).catch((error: unknown) => {
    // Not the source's fault: it must not be named.
    throw fromSystemError(error, `could not create a file in ${dirname(path)}`);
  });
  let whole = false;
  try {
    await settleOpenFile(descriptor, path);
    await write(descriptor);
    whole = true;
  } finally {
    await closeFile(descriptor);
    if (!whole) await unlink(path);
  }
}

/**
 * Copies all of `from` to the empty file `to`; each chunk is inspected before it is written. `flush`, if given, may be
 * called while the copy goes on. Returns the bytes.
 */
export async function copyBytes(
  from: number,
  to: number,
  inspect: Inspect,
  signal: AbortSignal,
  flush?: () => Promise<void>,
): Promise<number> {
  const early = new EarlyFlush(flush);
  let total = 0;
  try {
    total = await readBytes(from, signal, async (chunk) => {
      inspect.add(chunk);
      await writeAll(to, chunk);
      early.wrote(chunk.length);
    });
    inspect.end();
  } finally {
    // The descriptors must not be closed under a call that is still running.
    await early.settle();
  }
  early.throwFault();
  return total;
}

/** The offset of the first byte in which two files differ (the end of the shorter one counts), or 'identical'. */
export async function compareBytes(
  source: number,
  existing: number,
  inspect: Inspect,
  signal: AbortSignal,
): Promise<'identical' | number> {
  const [left, right] = [Buffer.allocUnsafeSlow(chunkBytes), Buffer.allocUnsafeSlow(chunkBytes)];
  let differsAt: number | undefined;
  for (let at = 0; ; at += chunkBytes) {
    const [leftLength, rightLength] = await Promise.all([fill(source, left, at), fill(existing, right, at)]);
    signal.throwIfAborted();
    if (leftLength > 0) inspect.add(left.subarray(0, leftLength));
    if (differsAt === undefined && left.compare(right, 0, rightLength, 0, leftLength) !== 0) {
      const shorter = Math.min(leftLength, rightLength);
      let offset = 0;
      while (offset < shorter && left[offset] === right[offset]) offset += 1;
      differsAt = at + offset;
    }
    // The whole source is inspected even when the answer is known: a damaged file must not be called a duplicate.
    if (leftLength === chunkBytes) continue;
    inspect.end();
    return differsAt ?? 'identical';
  }
}
