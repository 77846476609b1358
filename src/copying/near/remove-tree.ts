// Removes files and directories that a copy has no place for. A symbolic link is removed as such: its aim is nobody's to remove.
import { join } from 'node:path';
import { errnoOf, fromSystemError } from '../../program/program-error.ts';
import { openDirectory, unlink } from '../../program/system-calls.ts';
import { NameSet } from '../name-set.ts';
import { removeDirectory } from './calls.ts';
import { lostAndFound } from './content.ts';

/** The names in a directory but those to be kept and what a file system has there itself; none where there is no directory. */
export async function namesBut(directory: string, keep: (name: string) => boolean): Promise<NameSet> {
  const names = new NameSet();
  try {
    const entries = await openDirectory(directory);
    try {
      // Not all at once: a directory may have a million names that are to be kept.
      for (let entry = await entries.read(); entry !== null; entry = await entries.read()) {
        if (entry.name !== lostAndFound && !keep(entry.name)) names.add(entry.name);
      }
    } finally {
      await entries.close();
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return new NameSet();
    throw fromSystemError(error, `could not read directory "${directory}"`);
  }
  return names;
}

/** Removes what is under that name, with all below it; how many files and directories. */
export async function removeTree(path: string, signal: AbortSignal): Promise<number> {
  signal.throwIfAborted();
  try {
    await unlink(path);
    return 1;
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT') return 0;
    // A directory, by what Linux and what POSIX says.
    if (code !== 'EISDIR' && code !== 'EPERM')
      throw fromSystemError(error, `could not remove file "${path}"`);
  }
  let removed = 1;
  for (const name of await namesBut(path, () => false)) removed += await removeTree(join(path, name), signal);
  try {
    await removeDirectory(path);
  } catch (error) {
    throw fromSystemError(error, `could not remove "${path}"`);
  }
  return removed;
}
