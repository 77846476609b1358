// The system calls that may hang on a dead network file system, as promises: they run on libuv's threads, so a time
// limit can pass while one hangs. Made from node:fs because loading node:fs/promises costs each call 2 ms.
import {
  access as accessCall,
  close,
  fchmod,
  fchown,
  fstat,
  fdatasync as fdatasyncCall,
  fsync as fsyncCall,
  link as linkCall,
  lstat as lstatCall,
  open,
  read,
  readdir,
  readFile,
  rename as renameCall,
  stat as statCall,
  unlink as unlinkCall,
  write,
  type Dirent,
  type Stats,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { fileMode } from './file-owner.ts';
import { errnoOf } from './program-error.ts';

const readEntries = promisify(readdir) as (
  path: string,
  options: { withFileTypes: true },
) => Promise<Dirent[]>;

export const access = promisify(accessCall) as (path: string, mode: number) => Promise<void>;
export const closeFile = promisify(close);
const changeMode = promisify(fchmod);
const changeOwner = promisify(fchown);

export const fdatasync = promisify(fdatasyncCall);
export const fsync = promisify(fsyncCall);
export const link = promisify(linkCall);
export const lstat = promisify(lstatCall) as (path: string) => Promise<Stats>;
export const openFile = promisify(open) as (
  path: string,
  flags: string | number,
  mode?: number,
) => Promise<number>;
export const readDirectory = (path: string): Promise<Dirent[]> => readEntries(path, { withFileTypes: true });
export const readInto = promisify(read);
export const readText = promisify(readFile) as (path: string, encoding: 'utf8' | 'latin1') => Promise<string>;
export const rename = promisify(renameCall);
export const stat = promisify(statCall) as (path: string) => Promise<Stats>;
export const statOpen = promisify(fstat) as (descriptor: number) => Promise<Stats>;
export const unlink = promisify(unlinkCall);
export const writeFrom = promisify(write);

/** The call's result, or undefined where it fails because there is no such file. */
export async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether the two paths are names of one file: a link whose success a network file system reported as EEXIST. */
export async function isSameFile(left: string, right: string): Promise<boolean> {
  const [a, b] = await Promise.all([lstat(left), lstat(right)]);
  return a.dev === b.dev && a.ino === b.ino && a.nlink >= 2;
}

export async function unlinkIfThere(path: string): Promise<void> {
  await unlessMissing(unlink(path));
}

/** fsync of a file or a directory by its path. */
export async function syncPath(path: string): Promise<void> {
  const descriptor = await openFile(path, 'r');
  try {
    await fsync(descriptor);
  } finally {
    await closeFile(descriptor);
  }
}

/** settleFile (file-owner.ts) for a file on a disk that may hang: its mode, and under root the owner of its directory. */
export async function settleOpenFile(descriptor: number, path: string): Promise<void> {
  await changeMode(descriptor, fileMode);
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = await stat(dirname(path));
  await changeOwner(descriptor, uid, gid);
}
