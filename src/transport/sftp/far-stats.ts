// What a server of SFTP version 3 tells of a file: mode and size, but no inode. It may leave out either.
import type { Dirent, Stats } from 'node:fs';
import type { Entry } from './session.ts';

export interface FarStats {
  mode?: number;
  size?: number;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

/** As lstat(2) would have it; device and inode equal nothing. */
export function asStats(far: FarStats): Stats {
  const unknown = { dev: NaN, ino: NaN, nlink: NaN };
  return {
    ...unknown,
    size: far.size,
    mode: far.mode,
    isFile: () => far.isFile(),
    isDirectory: () => far.isDirectory(),
    isSymbolicLink: () => far.isSymbolicLink(),
  } as Stats;
}

export const asDirent = ({ filename, attrs }: Entry): Dirent =>
  ({
    name: filename,
    isFile: () => attrs.isFile(),
    isDirectory: () => attrs.isDirectory(),
    isSymbolicLink: () => attrs.isSymbolicLink(),
  }) as unknown as Dirent;
