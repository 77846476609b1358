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
  read,
  readdir,
  readFile,
  realpath,
  rename as renameCall,
  stat as statCall,
  unlink as unlinkCall,
  write,
  type Dirent,
  type Stats,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { closeFarFile, farAt, farFileOf, type FarFile, type FarFiles } from './far-files.ts';
import { fileMode } from './file-owner.ts';
import { errnoOf } from './program-error.ts';

const readEntries = promisify(readdir) as (
  path: string,
  options: { withFileTypes: true },
) => Promise<Dirent[]>;

/** The call itself, or on a path of another machine (far-files.ts) the one that goes there. */
function wherever<Verb extends keyof FarFiles>(verb: Verb, here: FarFiles[Verb]): FarFiles[Verb] {
  const call = (path: string, ...rest: unknown[]): unknown =>
    ((farAt(path)?.[verb] ?? here) as (...words: unknown[]) => unknown)(path, ...rest);
  return call as FarFiles[Verb];
}

type Read = Parameters<FarFile['read']>;
type Write = Parameters<FarFile['write']>;

export const access = promisify(accessCall) as (path: string, mode: number) => Promise<void>;
const changeModeHere = promisify(fchmod);
const changeOwner = promisify(fchown);
const [closeHere, fdatasyncHere, fsyncHere, readHere, statHere, writeHere] = [
  promisify(close),
  promisify(fdatasyncCall),
  promisify(fsyncCall),
  promisify(read) as unknown as (descriptor: number, ...rest: Read) => Promise<{ bytesRead: number }>,
  promisify(fstat) as (descriptor: number) => Promise<Stats>,
  promisify(write) as unknown as (descriptor: number, ...rest: Write) => Promise<{ bytesWritten: number }>,
];

export const link = wherever('link', promisify(linkCall) as FarFiles['link']);
export const lstat = wherever('lstat', promisify(lstatCall) as FarFiles['lstat']);
export const makeDirectoryAt = wherever('makeDirectory', promisify(mkdir) as FarFiles['makeDirectory']);
export const openFile = wherever('open', promisify(open) as FarFiles['open']);
/** `atMost`: where it is far, so many will do. */
export const readDirectory = wherever('readDirectory', (path) => readEntries(path, { withFileTypes: true }));
export const readText = wherever('readText', promisify(readFile) as FarFiles['readText']);
export const realPathOf = wherever('realPath', promisify(realpath.native) as FarFiles['realPath']);
export const rename = wherever('rename', promisify(renameCall));
export const stat = wherever('stat', promisify(statCall) as FarFiles['stat']);
export const unlink = wherever('unlink', promisify(unlinkCall) as FarFiles['unlink']);

export function closeFile(descriptor: number): Promise<void> {
  const far = farFileOf(descriptor);
  return far === undefined ? closeHere(descriptor) : closeFarFile(descriptor, far);
}

export const fsync = (descriptor: number): Promise<void> =>
  farFileOf(descriptor)?.sync() ?? fsyncHere(descriptor);
/** For a disk that may begin early; a far one does so by itself. */
export const fdatasync = async (descriptor: number): Promise<void> =>
  farFileOf(descriptor) === undefined ? fdatasyncHere(descriptor) : undefined;
export const statOpen = (descriptor: number): Promise<Stats> =>
  farFileOf(descriptor)?.stat() ?? statHere(descriptor);

export const readInto = (descriptor: number, ...rest: Read): Promise<{ bytesRead: number }> =>
  farFileOf(descriptor)?.read(...rest) ?? readHere(descriptor, ...rest);

export const writeFrom = (descriptor: number, ...rest: Write): Promise<{ bytesWritten: number }> =>
  farFileOf(descriptor)?.write(...rest) ?? writeHere(descriptor, ...rest);

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
  const far = farFileOf(descriptor);
  if (far !== undefined) return far.changeMode(fileMode);
  await changeModeHere(descriptor, fileMode);
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = await stat(dirname(path));
  await changeOwner(descriptor, uid, gid);
}
