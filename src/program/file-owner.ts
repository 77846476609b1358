// Modes and owners of what we create: files 0600 and directories 0700 whatever the umask, and, when root runs a
// program by hand, everything belongs to the owner of the directory it is in, so that the server can still read it.
import { chmodSync, chownSync, fchmodSync, fchownSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from './program-error.ts';

export const fileMode = 0o600;
export const directoryMode = 0o700;

/** Gives an open new file its mode and, under root, the owner of its directory. */
export function settleFile(descriptor: number, path: string): void {
  fchmodSync(descriptor, fileMode);
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(path));
  fchownSync(descriptor, uid, gid);
}

/** Under root: gives a file to the owner of another one, so that the server can go on using it. */
export function giveToOwnerOf(example: string, path: string): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(example);
  chownSync(path, uid, gid);
}

/** Makes one directory (never its parents) unless it is there. */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path, directoryMode);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return;
    throw error;
  }
  chmodSync(path, directoryMode);
  if (process.geteuid?.() === 0) {
    const { uid, gid } = statSync(dirname(path));
    chownSync(path, uid, gid);
  }
}
