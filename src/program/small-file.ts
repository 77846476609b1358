// Small files of our own (state, owner, format, gap records): written whole and durably, or not at all.
// WAL never goes through here; transport/ has its own, streaming way with the same order of system calls.
import { closeSync, fsyncSync, linkSync, openSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectory, settleFile } from './file-owner.ts';
import { errnoOf, fromSystemError } from './program-error.ts';
import { temporaryPath } from './temporary-name.ts';

/** fsync of a directory: what makes a new or removed name survive a power failure. */
export function syncDirectory(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Makes a directory whose parent exists, unless it is there; durable on return. */
export function ensureDirectory(path: string): void {
  naming(`create the directory ${path}`, () => {
    makeDirectory(path);
    // Also where it was there: whoever made it may have died before this.
    syncDirectory(dirname(path));
  });
}

/** A failed system call as a fault that says what of ours could not be written. */
function naming<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw fromSystemError(error, `could not ${what}`);
  }
}

function writeTemporary(path: string, content: string, nodeId: string): string {
  const temporary = temporaryPath(path, nodeId);
  const descriptor = openSync(temporary, 'wx', 0o600);
  try {
    settleFile(descriptor, temporary);
    // Not writeSync: write(2) may take a part on a full disk and leave the error to the next call.
    writeFileSync(descriptor, content);
    fsyncSync(descriptor);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  } finally {
    closeSync(descriptor);
  }
  return temporary;
}

/** Puts `content` in place of whatever was there; durable on return. For state that only we own. */
export function replaceSmallFile(path: string, content: string, nodeId: string): void {
  naming(`write ${path}`, () => {
    const temporary = writeTemporary(path, content, nodeId);
    try {
      renameSync(temporary, path);
    } catch (error) {
      unlinkSync(temporary);
      throw error;
    }
    syncDirectory(dirname(path));
  });
}

/** Creates the file durably unless the name is taken; false when it is, and nothing has changed then. */
export function createSmallFile(path: string, content: string, nodeId: string): boolean {
  return naming(`write ${path}`, () => createIfFree(path, content, nodeId));
}

function createIfFree(path: string, content: string, nodeId: string): boolean {
  const temporary = writeTemporary(path, content, nodeId);
  let isFree = true;
  try {
    linkSync(temporary, path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    isFree = false;
  } finally {
    unlinkSync(temporary);
  }
  // Also where the name was taken: whoever took it may have died before this.
  syncDirectory(dirname(path));
  return isFree;
}
