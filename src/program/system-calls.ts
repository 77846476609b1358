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
  mkdir,
  open,
  opendir,
  read,
  readdir,
  readFile,
  realpath,
  rename as renameCall,
  stat as statCall,
  unlink as unlinkCall,
  write,
  type Dirent,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { isFar, onFile, wherever, type FarFiles } from './far-files.ts';
import { fileMode } from './file-owner.ts';
import { errnoOf } from './program-error.ts';

const readEntries = promisify(readdir) as (
  path: string,
  options: { withFileTypes: true },
) => Promise<Dirent[]>;
const changeOwner = promisify(fchown);

export const access = promisify(accessCall) as (path: string, mode: number) => Promise<void>;

// The calls for paths that may lie on another machine.
export const link = wherever('link', promisify(linkCall) as FarFiles['link']);
export const lstat = wherever('lstat', promisify(lstatCall) as FarFiles['lstat']);
export const makeDirectoryAt = wherever('makeDirectory', promisify(mkdir) as FarFiles['makeDirectory']);
export const openDirectory = wherever('openDirectory', promisify(opendir) as FarFiles['openDirectory']);
export const openFile = wherever('open', promisify(open) as FarFiles['open']);
export const readDirectory = wherever('readDirectory', (path) => readEntries(path, { withFileTypes: true }));
export const readText = wherever('readText', promisify(readFile) as FarFiles['readText']);
export const realPathOf = wherever('realPath', promisify(realpath.native) as FarFiles['realPath']);
export const rename = wherever('rename', promisify(renameCall));
export const stat = wherever('stat', promisify(statCall) as FarFiles['stat']);
export const unlink = wherever('unlink', promisify(unlinkCall) as FarFiles['unlink']);

// And for files that were opened by them.
export const closeFile = onFile('close', promisify(close));
export const fdatasync = onFile('beginSync', promisify(fdatasyncCall));
export const fsync = onFile('sync', promisify(fsyncCall));
export const readInto = onFile('read', promisify(read) as never);
export const statOpen = onFile('stat', promisify(fstat) as never);
export const writeFrom = onFile('write', promisify(write) as never);
const changeModeOf = onFile('changeMode', promisify(fchmod));

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

/**
 * settleFile (file-owner.ts) for a file on a disk that may hang: its mode, and under root the owner of its directory. Over a
 * network it belongs to who has logged in there.
 */
export async function settleOpenFile(descriptor: number, path: string): Promise<void> {
  await changeModeOf(descriptor, fileMode);
  if (isFar(path) || process.geteuid?.() !== 0) return;
  const { uid, gid } = await stat(dirname(path));
  await changeOwner(descriptor, uid, gid);
}
