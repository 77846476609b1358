// Small records in an archive's .twowarm/, written by several nodes and perhaps on a disk that hangs: as
// program/small-file.ts, durably and whole or not at all, but with calls that a time limit can leave behind.
import { dirname, join } from 'node:path';
import { makeDirectoryDurably } from '../program/make-directory.ts';
import { errnoOf } from '../program/program-error.ts';
import {
  closeFile,
  fsync,
  isSameFile,
  link,
  openFile,
  readDirectory,
  rename,
  settleOpenFile,
  syncPath,
  unlessMissing,
  unlink,
  unlinkIfThere,
  writeFrom,
} from '../program/system-calls.ts';
import { isAbandoned, isTemporaryName, temporaryPath } from '../program/temporary-name.ts';

async function writeWhole(descriptor: number, text: string): Promise<void> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    at += (await writeFrom(descriptor, bytes, at, bytes.length - at)).bytesWritten;
  }
}

async function writeTemporary(temporary: string, text: string): Promise<void> {
  const descriptor = await openFile(temporary, 'wx', 0o600);
  try {
    await settleOpenFile(descriptor, temporary);
    await writeWhole(descriptor, text);
    await fsync(descriptor);
  } finally {
    await closeFile(descriptor);
  }
}

/**
 * Puts the text in place of whatever has that name; durable on return. The directory is made when it is missing, its
 * parent never. Fails with the error of the system.
 */
export async function replaceRecord(path: string, text: string, nodeId: string): Promise<void> {
  await makeDirectoryDurably(dirname(path));
  const temporary = temporaryPath(path, nodeId);
  try {
    await writeTemporary(temporary, text);
    await rename(temporary, path);
  } catch (error) {
    await unlinkIfThere(temporary).catch(() => undefined);
    throw error;
  }
  await syncPath(dirname(path));
}

/**
 * Creates the record unless its name is taken; false when it is, and nothing has changed then. Durable on return, also what
 * was found. The directory is made when it is missing, its parent never. Fails with the error of the system.
 */
export async function createRecord(path: string, text: string, nodeId: string): Promise<boolean> {
  await makeDirectoryDurably(dirname(path));
  const temporary = temporaryPath(path, nodeId);
  let isFree = true;
  try {
    await writeTemporary(temporary, text);
    await link(temporary, path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    // NFS can send our own success twice and answer the second one EEXIST.
    isFree = await isSameFile(temporary, path);
  } finally {
    await unlinkIfThere(temporary).catch(() => undefined);
  }
  // Also where the name was taken: whoever took it may have died before this.
  await syncPath(dirname(path));
  return isFree;
}

/** Removes a record durably. */
export async function removeRecord(path: string): Promise<'removed' | 'missing'> {
  const removed = await unlessMissing(unlink(path).then(() => 'removed' as const));
  if (removed === undefined) return 'missing';
  await syncPath(dirname(path));
  return removed;
}

/** The names of the records in a directory, sorted; none where it is missing. What this node left unfinished goes. */
export async function recordNames(directory: string, nodeId: string): Promise<string[]> {
  const names = ((await unlessMissing(readDirectory(directory))) ?? []).map(({ name }) => name);
  for (const name of names.filter(isTemporaryName)) {
    // What cannot be removed stays for the next call.
    if (isAbandoned(name, nodeId, 0)) await unlinkIfThere(join(directory, name)).catch(() => undefined);
  }
  // A dot also begins the names that NFS gives to files that were removed while open.
  return names.filter((name) => !name.startsWith('.')).sort();
}
