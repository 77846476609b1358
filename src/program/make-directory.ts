// makeDirectory (file-owner.ts), durably, on a disk that may hang: with calls that a time limit can leave behind.
import { chmod, chown, mkdir } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { directoryMode } from './file-owner.ts';
import { errnoOf, fromSystemError } from './program-error.ts';
import { closeFile, fsync, openFile, stat } from './system-calls.ts';

const make = promisify(mkdir) as (path: string, mode: number) => Promise<void>;
const changeMode = promisify(chmod);
const changeOwner = promisify(chown);

async function settle(path: string): Promise<void> {
  await changeMode(path, directoryMode);
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = await stat(dirname(path));
  await changeOwner(path, uid, gid);
}

async function syncParent(path: string): Promise<void> {
  const descriptor = await openFile(dirname(path), 'r');
  try {
    await fsync(descriptor);
  } finally {
    await closeFile(descriptor);
  }
}

/** Makes one directory (never its parents), durably; nothing happens when it is there. */
export async function makeDirectoryDurably(path: string): Promise<void> {
  try {
    await make(path, directoryMode);
    await settle(path);
    await syncParent(path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw fromSystemError(error, `could not create the directory ${path}`);
  }
}
