// Directories of another machine, as paths of this process: '/far:1/var/lib/archive'. Whoever reaches one over a network
// mounts it here; from then on the calls of system-calls.ts on such a path, or on a file that was opened by it, go there.
// So there is one set of rules for an archive that is a directory, wherever that is.
import type { Dirent, Stats } from 'node:fs';

/** The calls on another machine, with paths as they were mounted. They fail with the errors of the system (errno names). */
export interface FarFiles {
  /** Neither `dev` nor `ino` of these is equal to anything, itself included: nothing can be told by them. */
  lstat(path: string): Promise<Stats>;
  stat(path: string): Promise<Stats>;
  readDirectory(path: string, atMost?: number): Promise<Dirent[]>;
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
  stat(): Promise<Stats>;
  changeMode(mode: number): Promise<void>;
  close(): Promise<void>;
}

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

/** The calls for a path of another machine; undefined for one of this one. */
export const farAt = (path: string): FarFiles | undefined => (isFar(path) ? mountOf(path).files : undefined);

/** For whoever reads it later, or elsewhere: 'ssh://db2/var/lib/archive/…'; a path of this machine as it is. */
export const lastingName = (path: string): string =>
  isFar(path) ? mountOf(path).origin + path.slice(prefixOf(path).length) : path;

/** A descriptor for a file of another machine: below zero, as no other one is. */
export function enterFarFile(file: FarFile): number {
  lastFile -= 1;
  openFiles.set(lastFile, file);
  return lastFile;
}

/** The file of such a descriptor; undefined for any other one. */
export const farFileOf = (descriptor: number): FarFile | undefined =>
  descriptor < 0 ? openFiles.get(descriptor) : undefined;

export async function closeFarFile(descriptor: number, file: FarFile): Promise<void> {
  openFiles.delete(descriptor);
  await file.close();
}
