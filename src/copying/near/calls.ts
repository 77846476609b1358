// System calls on files of this machine that system-calls.ts has no need of: what changes a file that is there, links; and what is
// said of one that fails.
import { chmod, fchmod, ftruncate, readlink, rmdir, symlink } from 'node:fs';
import { promisify } from 'node:util';
import { fromSystemError } from '../../program/program-error.ts';
import { writeFrom } from '../../program/system-calls.ts';

export const changeMode = promisify(chmod) as (path: string, mode: number) => Promise<void>;
export const changeModeOpen = promisify(fchmod) as (descriptor: number, mode: number) => Promise<void>;
export const truncateOpen = promisify(ftruncate) as (descriptor: number, sizeBytes: number) => Promise<void>;
export const readLink = promisify(readlink) as (path: string) => Promise<string>;
export const removeDirectory = promisify(rmdir) as (path: string) => Promise<void>;
export const makeLink = promisify(symlink) as (aim: string, path: string) => Promise<void>;

/** Writes the bytes from `from` to `to`, the first of the buffer being at `position` in the file. */
export async function writeAt(
  descriptor: number,
  buffer: Buffer,
  from: number,
  to: number,
  position: number,
): Promise<void> {
  for (let at = from; at < to;)
    at += (await writeFrom(descriptor, buffer, at, to - at, position + at)).bytesWritten;
}

/** A fault of the call as one of the file: 'could not write file "…"'. */
export async function naming<T>(verb: string, path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw fromSystemError(error, `could not ${verb} file "${path}"`);
  }
}
