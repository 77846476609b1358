// Opens the file that another one is to be copied over: what is there is used again only if it is a regular file that has no
// other name. Never follows a symbolic link, never writes into a file that something else may be, too.
import { constants, type Stats } from 'node:fs';
import { errnoOf, fromSystemError } from '../../program/program-error.ts';
import { close, lstat, open, statOf } from '../../program/quick-calls.ts';
import { unlinkIfThere, unlessMissing } from '../../program/system-calls.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;

export interface Opened {
  descriptor: number;
  /** What it holds already; 0 for a new one. */
  oldBytes: number;
  /** Permission bits. */
  mode: number;
}

/** Opens or makes the file. Its directory has to be known not to be a link (tree.ts). */
export async function openForCopy(path: string): Promise<Opened> {
  try {
    return (await create(path)) ?? (await openThere(path)) ?? (await replace(path));
  } catch (error) {
    throw fromSystemError(error, `could not open file "${path}"`);
  }
}

async function create(path: string): Promise<Opened | undefined> {
  try {
    const descriptor = await open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    // No umask of a program takes anything from its owner.
    return { descriptor, oldBytes: 0, mode: 0o600 };
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return undefined;
    throw error;
  }
}

const isOurs = (stats: Stats): boolean => stats.isFile() && stats.nlink === 1;

/** Undefined where nothing is there, or what must not be written into, or may not: it gives way to a new one. */
export async function openThere(path: string): Promise<Opened | undefined> {
  const before = await unlessMissing(lstat(path));
  if (before === undefined || !isOurs(before)) return undefined;
  let descriptor: number;
  try {
    descriptor = await open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    // A file may be closed to its own owner, such as a key of the server.
    if (errnoOf(error) === 'EACCES') return undefined;
    throw error;
  }
  const stats = await statOf(descriptor);
  if (isOurs(stats)) return { descriptor, oldBytes: stats.size, mode: stats.mode & 0o7777 };
  await close(descriptor);
  return undefined;
}

async function replace(path: string): Promise<Opened> {
  await unlinkIfThere(path);
  const made = await create(path);
  if (made !== undefined) return made;
  throw Object.assign(new Error(`${path} is made by somebody else`), { code: 'EEXIST' });
}
