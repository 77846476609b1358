// The one way a WAL file gets its name in a directory we own: written under a temporary name, fsynced, linked to the
// real name only if that is free, the directory fsynced. rename() would replace; link() cannot.
import { dirname } from 'node:path';
import { settleFile } from '../program/file-owner.ts';
import { errnoOf, ProgramError } from '../program/program-error.ts';
import { temporaryPath } from '../program/temporary-name.ts';
import { closeFile, fsync, link, lstat, openFile, unlessMissing } from '../program/system-calls.ts';
import { compareBytes, copyBytes, openRegular } from './copy.ts';
import type { Identity, Inspect } from './transport.ts';
import { noteUnfinished, removeUnfinished } from './unfinished.ts';

/** fsync of a directory. */
export async function syncDirectoryOf(path: string): Promise<void> {
  const descriptor = await openFile(dirname(path), 'r');
  try {
    await fsync(descriptor);
  } finally {
    await closeFile(descriptor);
  }
}

/** An open source file, inspected as it passes. */
export interface Bytes {
  descriptor: number;
  inspect: Inspect;
}

/** For bytes that have been inspected once. */
export const alreadyInspected: Inspect = { add: () => undefined, end: () => undefined };

export type Published = 'stored' | 'already-stored' | { differsAt: number };

/** Puts the bytes under `target`. They are durable there when this returns 'stored' or 'already-stored'. */
export async function publish(
  target: string,
  bytes: Bytes,
  by: Identity,
  signal: AbortSignal,
): Promise<Published> {
  if ((await unlessMissing(lstat(target))) !== undefined) return compareWith(target, bytes, signal);
  const temporary = temporaryPath(target, by.nodeId);
  noteUnfinished(by.stateDirectory, temporary);
  let isFree: boolean;
  try {
    await writeTemporary(temporary, bytes, signal);
    isFree = await linkIfFree(temporary, target);
  } finally {
    await removeUnfinished(by.stateDirectory, temporary);
  }
  // Somebody else took the name meanwhile: theirs may be the same bytes, which have been inspected.
  if (!isFree) return compareWith(target, { ...bytes, inspect: alreadyInspected }, signal);
  await syncDirectoryOf(target);
  return 'stored';
}

async function writeTemporary(temporary: string, bytes: Bytes, signal: AbortSignal): Promise<void> {
  const descriptor = await openFile(temporary, 'wx', 0o600);
  try {
    settleFile(descriptor, temporary);
    await copyBytes(bytes.descriptor, descriptor, bytes.inspect, signal);
    await fsync(descriptor);
  } finally {
    // close() can report a write that failed late (NFS); it must fail the publication too.
    await closeFile(descriptor);
  }
}

/** link(2); false when the name is taken by another file. */
async function linkIfFree(temporary: string, target: string): Promise<boolean> {
  try {
    await link(temporary, target);
    return true;
  } catch (error) {
    const code = errnoOf(error);
    // NFS can send our own success twice and answer the second one EEXIST.
    if (code === 'EEXIST') return isSameFile(temporary, target);
    if (code === undefined || !['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code)) throw error;
    throw new ProgramError(
      'no-hard-links',
      `cannot publish ${target}: the file system refuses hard links (${code})`,
      {
        detail: 'A hard link is the one way to give a file its name without ever replacing another.',
        hint: 'Put the archive on a file system that has hard links.',
        cause: error,
      },
    );
  }
}

async function isSameFile(left: string, right: string): Promise<boolean> {
  const [a, b] = await Promise.all([lstat(left), lstat(right)]);
  return a.dev === b.dev && a.ino === b.ino && a.nlink >= 2;
}

/** Identical bytes under the name are made durable before they count as stored. */
async function compareWith(target: string, bytes: Bytes, signal: AbortSignal): Promise<Published> {
  const existing = (await lstat(target)).isFile() ? await openRegular(target) : 'not a file';
  if (existing === 'not a file') {
    throw new ProgramError('archive-duplicate', `${target} exists but is not a regular file`);
  }
  try {
    const difference = await compareBytes(bytes.descriptor, existing.descriptor, bytes.inspect, signal);
    if (difference !== 'identical') return { differsAt: difference };
    await fsync(existing.descriptor);
  } finally {
    await closeFile(existing.descriptor);
  }
  await syncDirectoryOf(target);
  return 'already-stored';
}
