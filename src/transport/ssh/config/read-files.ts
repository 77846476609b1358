// The files of ssh_config: whether they can be trusted, and what an Include names. Where they are is sources.ts, what is
// in them lines.ts.
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, fromSystemError, ProgramError } from '../../../program/program-error.ts';
import { matchWildcards } from '../host-pattern.ts';
import { badOwner } from './config-faults.ts';

/** No configuration is longer; what is has been named by mistake. */
const limitBytes = 1024 * 1024;

/** The text; undefined where there is no file. Throws `settings` for one that others may have written, and faults of reading. */
export function readConfigFile(path: string): string | undefined {
  let descriptor: number;
  try {
    // Not waiting: the name may be that of a pipe.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw fromSystemError(error, `could not read the ssh configuration ${path}`);
  }
  try {
    const { uid, mode, size } = fstatSync(descriptor);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG || size > limitBytes)
      throw new ProgramError('settings', `cannot use the ssh configuration ${path}: it is no such file`);
    if ((uid !== 0 && uid !== process.geteuid?.()) || (mode & 0o022) !== 0)
      throw badOwner(path, { uid, mode });
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

/** The files that a path with * and ? names, in order, as glob(7) does: a name that begins with a dot only by a dot. */
export function expandWildcards(path: string): string[] {
  let found = ['/'];
  for (const part of path.split('/').filter((each) => each !== '')) {
    found = found.flatMap((directory) => below(directory, part));
  }
  return found.filter(isThere);
}

function below(directory: string, part: string): string[] {
  if (!/[*?]/.test(part)) return [join(directory, part)];
  try {
    return readdirSync(directory)
      .filter((name) => (!name.startsWith('.') || part.startsWith('.')) && matchWildcards(part, name))
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .map((name) => join(directory, name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw fromSystemError(error, `could not look for ssh configurations in ${directory}`);
  }
}

function isThere(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    return errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR';
  }
}
