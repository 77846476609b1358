// The one way a WAL file gets its name in a directory we own: written under a temporary name, fsynced, linked to the
// real name only if that is free, the directory fsynced. rename() would replace; link() cannot.
import { dirname } from 'node:path';
import { errnoOf, fromSystemError, ProgramError } from '../program/program-error.ts';
import { temporaryPath } from '../program/temporary-name.ts';
import {
  closeFile,
  fdatasync,
  fsync,
  isSameFile,
  link,
  lstat,
  openFile,
  settleOpenFile,
  statOpen,
  unlessMissing,
} from '../program/system-calls.ts';
import { compareBytes, copyBytes, openRegular } from './copy.ts';
import { compressedPath } from './stored-form.ts';
import type { Identity, Inspect } from './transport.ts';
import { noteUnfinished, removeUnfinished } from './unfinished.ts';
import { writerOf } from './writer.ts';

/** fsync whose failure is final: the kernel reports it once, so a second try would succeed without the data. */
export async function syncOrFail(descriptor: number, path: string, sync = fsync): Promise<void> {
  try {
    await sync(descriptor);
  } catch (error) {
    // Over a network: who knows what became of it. The next call asks again.
    if (error instanceof ProgramError) throw error;
    const { message } = fromSystemError(error, `could not fsync ${path}`);
    throw new ProgramError('not-durable', message, {
      hint: 'Look for errors of this disk in the kernel log before you trust it again.',
      cause: error,
    });
  }
}

/** fsync of the directory that a file is in. */
export async function syncDirectoryOf(path: string): Promise<void> {
  const descriptor = await openFile(dirname(path), 'r');
  try {
    await syncOrFail(descriptor, dirname(path));
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

/**
 * Asked while a file gets its name: `before`, right before that, with the bytes durable; `after`, once it has the name. Each
 * throws where the archive has changed hands since the file was begun; what `after` leaves under the name, it has judged.
 */
export interface Fence {
  before(): Promise<void>;
  after(): Promise<void>;
}

/** Of a directory that is nobody else's. */
const unfenced: Fence = { before: async () => undefined, after: async () => undefined };

export type Published = 'stored' | 'already-stored' | Difference;

/** Where two files of one name part, if their bytes were compared, and how long each is, in bytes. */
export interface Difference {
  differsAt: number | undefined;
  existingBytes: number;
  newBytes: number;
  /** Two writers at the same moment: now the name has one content plain and another one compressed. */
  inBothForms?: true;
}

/**
 * Puts the bytes under `target`, plain. They are durable there, or compressed beside it, when this returns 'stored' or
 * 'already-stored'.
 */
export async function publish(
  target: string,
  bytes: Bytes,
  by: Identity,
  signal: AbortSignal,
  fence = unfenced,
): Promise<Published> {
  const [taken, compressed] = await Promise.all([isThere(target), isThere(compressedPath(target))]);
  if (compressed) return compareForms(target, bytes, by, signal);
  if (taken) return compareWith(target, bytes, signal);
  const temporary = temporaryPath(target, writerOf(by));
  noteUnfinished(by.stateDirectory, temporary);
  let isFree: boolean;
  try {
    await writeTemporary(temporary, bytes, signal);
    const [otherForm] = await Promise.all([isThere(compressedPath(target)), fence.before()]);
    isFree = !otherForm && (await linkIfFree(temporary, target));
  } finally {
    await removeUnfinished(by.stateDirectory, temporary);
  }
  // Somebody else took the name meanwhile: theirs may be the same bytes, which have been inspected.
  const again = { ...bytes, inspect: alreadyInspected };
  if (!isFree) return compareForms(target, again, by, signal);
  await settleName(target, fence);
  // Whoever stores the other form at this moment looks for this one, too, once it has its name: one of the two sees both.
  if (!(await isThere(compressedPath(target)))) return 'stored';
  const verdict = await compareForms(target, again, by, signal);
  return typeof verdict === 'string' ? 'stored' : { ...verdict, inBothForms: true };
}

/**
 * Makes a name durable that a file was just given, and asks the fence meanwhile. Where the disk does not confirm it the name
 * stays, as after a crash at this point: another put of the same bytes may have confirmed it by now, and count on it. Nobody
 * takes it for durable by sight; the next put of the same bytes makes it so before it says so.
 */
export async function settleName(path: string, fence: Fence): Promise<void> {
  const asked = fence.after();
  asked.catch(() => undefined);
  // What the fence does about the name has to have an end, too, before this is told.
  await syncDirectoryOf(path).finally(() => asked.catch(() => undefined));
  await asked;
}

const isThere = async (path: string): Promise<boolean> => (await unlessMissing(lstat(path))) !== undefined;

/** Compares with whatever has the name, in both forms. */
async function compareForms(
  target: string,
  bytes: Bytes,
  by: Identity,
  signal: AbortSignal,
): Promise<Published> {
  const { compareStored } = await import('./compressed/store-compressed.ts');
  return compareStored(target, bytes, by, signal);
}

async function writeTemporary(temporary: string, bytes: Bytes, signal: AbortSignal): Promise<void> {
  const descriptor = await openFile(temporary, 'wx', 0o600);
  try {
    await settleOpenFile(descriptor, temporary);
    const flush = (): Promise<void> => syncOrFail(descriptor, temporary, fdatasync);
    await copyBytes(bytes.descriptor, descriptor, bytes.inspect, signal, flush);
    await syncOrFail(descriptor, temporary);
  } finally {
    // close() can report a write that failed late (NFS); it must fail the publication too.
    await closeFile(descriptor);
  }
}

/** link(2); false when the name is taken by another file. */
export async function linkIfFree(temporary: string, target: string): Promise<boolean> {
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

/** Compares with the plain file `target`. Identical bytes are made durable before they count as stored. */
export async function compareWith(target: string, bytes: Bytes, signal: AbortSignal): Promise<Published> {
  const existing = (await lstat(target)).isFile() ? await openRegular(target) : 'not a file';
  if (existing === 'not a file') {
    throw new ProgramError('archive-duplicate', `${target} exists but is not a regular file`);
  }
  try {
    const source = await statOpen(bytes.descriptor);
    if (source.dev === existing.stats.dev && source.ino === existing.stats.ino) {
      throw new ProgramError('settings', `${target} is the very file to archive, not a copy of it`, {
        hint: 'The destination is pg_wal, or holds hard links to it. Choose another directory.',
      });
    }
    const difference = await compareBytes(bytes.descriptor, existing.descriptor, bytes.inspect, signal);
    if (difference !== 'identical') {
      return { differsAt: difference, existingBytes: existing.stats.size, newBytes: source.size };
    }
    await syncOrFail(existing.descriptor, target);
  } finally {
    await closeFile(existing.descriptor);
  }
  await syncDirectoryOf(target);
  return 'already-stored';
}
