// Directories of another machine, as paths of this process: '/far:1/var/lib/archive'. Whoever reaches one over a network
// mounts it here; from then on the calls of system-calls.ts on such a path, or on a file that was opened by it, go there.
// So there is one set of rules for an archive that is a directory, wherever that is.
import type { Dir, Dirent, Stats } from 'node:fs';

/** The calls on another machine, with paths as they were mounted. They fail with the errors of the system (errno names). */
export interface FarFiles {
  /** Neither `dev` nor `ino` of these is equal to anything, itself included: nothing can be told by them. */
  lstat(path: string): Promise<Stats>;
  stat(path: string): Promise<Stats>;
  readDirectory(path: string): Promise<Dirent[]>;
  /** One name after the other, for who needs only some of them. */
  openDirectory(path: string): Promise<Pick<Dir, 'read' | 'close'>>;
  open(path: string, flags: string | number, mode?: number): Promise<number>;
  readText(path: string, encoding: 'utf8' | 'latin1'): Promise<string>;
  link(from: string, to: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** With that mode whatever the umask there. */
  makeDirectory(path: string, mode: number): Promise<unknown>;
  realPath(path: string): Promise<string>;
}

/** An open file there. */
export interface FarFile {
  read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number | null,
  ): Promise<{ bytesRead: number }>;
  write(
    buffer: Buffer,
    offset: number,
    length: number,
    position?: number | null,
  ): Promise<{ bytesWritten: number }>;
  sync(): Promise<void>;
  /** The disk may begin with what was written. */
  beginSync(): Promise<void>;
  stat(): Promise<Stats>;
  changeMode(mode: number): Promise<void>;
  close(): Promise<void>;
}

/** The call of this machine that does the same. */
type Here<Call> = Call extends (...words: infer Words) => infer Result
  ? (descriptor: number, ...words: Words) => Result
  : never;

interface Mount {
  files: FarFiles;
  origin: string;
}

const mounts = new Map<string, Mount>();
const openFiles = new Map<number, FarFile>();
let [lastMount, lastFile] = [0, 0];

/** Where what is mounted is: the path to put before one of the other machine. `origin`: its place, 'ssh://db2'. */
export function mountFar(makeFiles: (prefix: string) => FarFiles, origin: string): string {
  lastMount += 1;
  const prefix = `/far:${lastMount}`;
  mounts.set(prefix, { files: makeFiles(prefix), origin });
  return prefix;
}

export const unmountFar = (prefix: string): void => void mounts.delete(prefix);

const prefixOf = (path: string): string => /^\/far:\d+/.exec(path)![0];

export const isFar = (path: string): boolean => path.startsWith('/far:');

function mountOf(path: string): Mount {
  const mount = mounts.get(prefixOf(path));
  // It must not pass for one of this machine.
  if (mount === undefined) throw new Error(`${path} is mounted no more`);
  return mount;
}

/** The call of this machine, or on a path of another one that which goes there. */
export function wherever<Verb extends keyof FarFiles>(verb: Verb, here: FarFiles[Verb]): FarFiles[Verb] {
  const call = (path: string, ...rest: unknown[]): unknown => {
    if (!isFar(path)) return (here as (...words: unknown[]) => unknown)(path, ...rest);
    const { files } = mountOf(path);
    return (files[verb] as (...words: unknown[]) => unknown).call(files, path, ...rest);
  };
  return call as FarFiles[Verb];
}

/** The same for an open file, by its descriptor. */
export function onFile<Verb extends keyof FarFile>(
  verb: Verb,
  here: Here<FarFile[Verb]>,
): Here<FarFile[Verb]> {
  const call = (descriptor: number, ...rest: unknown[]): unknown => {
    if (descriptor >= 0) return (here as (...words: unknown[]) => unknown)(descriptor, ...rest);
    const file = openFiles.get(descriptor)!;
    if (verb === 'close') openFiles.delete(descriptor);
    return (file[verb] as (...words: unknown[]) => unknown).apply(file, rest);
  };
  return call as Here<FarFile[Verb]>;
}

/** For whoever reads it later, or elsewhere: 'ssh://db2/var/lib/archive/…'; a path of this machine as it is. */
export const lastingName = (path: string): string =>
  isFar(path) ? mountOf(path).origin + path.slice(prefixOf(path).length) : path;

/** A descriptor for a file of another machine: below zero, as no other one is. */
export function enterFarFile(file: FarFile): number {
  lastFile -= 1;
  openFiles.set(lastFile, file);
  return lastFile;
}
