// An empty pg_wal, where it is or where it is to be: a segment of another line that stayed there would be replayed when the
// archive lacks one of that name.
import { dirname, join } from 'node:path';
import { fromSystemError } from '../../program/program-error.ts';
import { makeDirectoryDurably } from '../../program/make-directory.ts';
import { unlink } from '../../program/system-calls.ts';
import { makeLink, removeDirectory } from './calls.ts';
import { syncDirectory } from './finish.ts';
import { namesBut, removeTree } from './remove-tree.ts';
import type { WalPlaces } from './wal-place.ts';

/** Durable on return. */
export async function renewWal(root: string, places: WalPlaces, signal: AbortSignal): Promise<void> {
  const path = join(root, 'pg_wal');
  if (places.now !== undefined) await empty(places.now.real, signal);
  if (places.wanted === undefined) await makeDirectoryDurably(path);
  else await replace(path, places, places.wanted.path);
  await makeDirectoryDurably(join(path, 'archive_status'));
}

async function empty(directory: string, signal: AbortSignal): Promise<void> {
  for (const name of await namesBut(directory, () => false)) await removeTree(join(directory, name), signal);
  await syncDirectory(directory);
}

async function replace(path: string, { now, isLink }: WalPlaces, aim: string): Promise<void> {
  await makeDirectoryDurably(aim);
  try {
    if (isLink) await unlink(path);
    else if (now !== undefined) await removeDirectory(path);
    await makeLink(aim, path);
  } catch (error) {
    throw fromSystemError(error, `could not make "${path}" a symbolic link to "${aim}"`);
  }
  await syncDirectory(dirname(path));
}
