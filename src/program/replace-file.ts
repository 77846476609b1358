// Files of somebody else's, written whole and durably in place of what was there, or not at all; and removed durably. Mode and
// owner stay. Small files of our own are small-file.ts.
import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { fileMode } from './file-owner.ts';
import { errnoOf, fromSystemError } from './program-error.ts';
import { syncDirectory } from './small-file.ts';
import { temporaryPath } from './temporary-name.ts';

/** Puts the bytes in place of the file, or makes it, with 0600; durable on return. Its directory must exist. */
export function replaceFile(path: string, bytes: Uint8Array, nodeId: string): void {
  const temporary = temporaryPath(path, nodeId);
  try {
    const descriptor = openSync(temporary, 'wx', fileMode);
    try {
      settleLike(descriptor, path);
      writeFileSync(descriptor, bytes);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
    syncDirectory(dirname(path));
  } catch (error) {
    if (existsSync(temporary)) unlinkSync(temporary);
    throw fromSystemError(error, `could not write ${path}`);
  }
}

/** Mode and group as the file has them; its owner as far as we may: one of root's becomes ours. */
function settleLike(descriptor: number, path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  fchmodSync(descriptor, stats === undefined ? fileMode : stats.mode & 0o7777);
  if (stats === undefined) return;
  try {
    fchownSync(descriptor, stats.uid, stats.gid);
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') throw error;
  }
}

/** Removes the file, durably; one that is not there is success. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw fromSystemError(error, `could not remove ${path}`);
  }
  syncDirectory(dirname(path));
}
