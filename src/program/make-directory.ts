// makeDirectory (file-owner.ts), durably, on a disk that may hang: with calls that a time limit can leave behind.
import { chmod, chown } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { isFar } from './far-files.ts';
import { directoryMode } from './file-owner.ts';
import { errnoOf, fromSystemError } from './program-error.ts';
import { makeDirectoryAt, stat, syncPath } from './system-calls.ts';

const changeMode = promisify(chmod);
const changeOwner = promisify(chown);

async function settle(path: string): Promise<void> {
  await changeMode(path, directoryMode);
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = await stat(dirname(path));
  await changeOwner(path, uid, gid);
}

/** Makes one directory (never its parents) unless it is there; durable on return. */
export async function makeDirectoryDurably(path: string): Promise<void> {
  try {
    await makeUnlessThere(path);
    // Also where it was there: whoever made it may have died before this.
    await syncPath(dirname(path));
  } catch (error) {
    throw fromSystemError(error, `could not create the directory ${path}`);
  }
}

async function makeUnlessThere(path: string): Promise<void> {
  try {
    await makeDirectoryAt(path, directoryMode);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    throw error;
  }
  if (!isFar(path)) await settle(path);
}
