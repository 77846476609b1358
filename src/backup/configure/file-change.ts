// One file as it is and as it is to be. Content is bytes, one character each (latin1): whatever encoding it is in, what is not
// meant stays.
import { lstatSync, readFileSync, realpathSync } from 'node:fs';
import { errnoOf, fromSystemError } from '../../program/program-error.ts';

export interface FileChange {
  /** As a person knows it. */
  path: string;
  /** Undefined: it is not there, or is to go. */
  before: string | undefined;
  after: string | undefined;
}

/** What the file holds; undefined where there is none. A fault names the path. */
export function readBytes(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fromSystemError(error, `could not read ${path}`);
  }
}

/** The change of what is there now; undefined where there is none. */
export function changeOf(path: string, after: string | undefined, before = readBytes(path)): FileChange[] {
  return before === after ? [] : [{ path, before, after }];
}

/** Where the bytes are: a file that is a symbolic link stays one. */
export function realPlaceOf(path: string): string {
  try {
    return lstatSync(path).isSymbolicLink() ? realpathSync(path) : path;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return path;
    throw fromSystemError(error, `could not look at ${path}`);
  }
}
