// Whether a dry run's file could be written, asked of the operating system (access(2)) without writing anything: the
// same faults, in the same words, as the real call ends with. By now root has become the owner of the data directory, so
// that real and effective user are one.
import { constants } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError } from '../program/program-error.ts';
import { access, stat, unlessMissing } from '../program/system-calls.ts';
import { hintFor } from './archive-faults.ts';
import { refuseDataDirectory } from './data-directory.ts';
import type { PutOutcome } from './transport.ts';

const isThere = async (path: string): Promise<boolean> => (await unlessMissing(stat(path))) !== undefined;

async function requireWritable(
  directory: string,
  what: string,
  hint?: (error: unknown) => string | undefined,
) {
  try {
    await access(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw fromSystemError(error, `could not ${what}`, hint?.(error));
  }
}

/** Throws what the first file would end with in a directory that is nobody's archive yet and cannot be made one. */
export async function requireAdoptable(directory: string): Promise<void> {
  await refuseDataDirectory(directory);
  const own = join(directory, '.twowarm');
  if (!(await isThere(own))) return requireWritable(directory, `create the directory ${own}`);
  if (!(await isThere(join(own, 'owner')))) await requireWritable(own, `write ${join(own, 'format')}`);
}

/** Throws what `put` would end with where it has something to write and may not. */
export async function requireStorable(
  directory: string,
  name: string,
  url: string,
  outcome: PutOutcome,
): Promise<void> {
  if (outcome === 'already-stored') return;
  const store = (where: string) => requireWritable(where, `store ${name} at ${url}`, hintFor);
  if (outcome === 'stored') return store(directory);
  const own = join(directory, '.twowarm');
  const versions = join(own, 'versions');
  return (await isThere(versions))
    ? store(versions)
    : requireWritable(own, `create the directory ${versions}`);
}
