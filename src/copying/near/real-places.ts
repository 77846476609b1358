// Where a path really leads: through every symbolic link, as far as there is something. Two paths of one place have one name
// then, and what is not there yet lies in a directory that is.
import { readlinkSync, realpathSync, statSync, type BigIntStats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errnoOf, fromSystemError } from '../../program/program-error.ts';

/** The real path; of a missing end, the real path of its nearest directory and the rest. Absolute paths only. */
export function realPlace(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw fromSystemError(error, `could not look for "${path}"`);
  }
  return path === dirname(path) ? path : join(realPlace(dirname(path)), basename(path));
}

/** Undefined where nothing is; a link is followed. */
export function lookAt(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    throw fromSystemError(error, `could not look for "${path}"`);
  }
}

/** Where a symbolic link leads, as it is written; undefined for what is none. */
export function aimOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (['EINVAL', 'ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw fromSystemError(error, `could not look for "${path}"`);
  }
}

/** The path itself, its parent, and so on up to the root. */
export const upwards = (path: string): string[] =>
  path === dirname(path) ? [path] : [path, ...upwards(dirname(path))];

/** Whether the one is the other, or lies within it; both real. */
export const isWithin = (inner: string, outer: string): boolean =>
  inner === outer || inner.startsWith(outer === '/' ? '/' : `${outer}/`);
