// The links in pg_tblspc as the copy needs them. A link is made anew or removed; what it led to is left alone.
import { join } from 'node:path';
import { fromSystemError } from '../../program/program-error.ts';
import { makeDirectoryDurably } from '../../program/make-directory.ts';
import { unlink } from '../../program/system-calls.ts';
import { makeLink, readLink } from './calls.ts';
import { syncDirectory } from './finish.ts';
import type { Situation } from './look.ts';
import { removeTree } from './remove-tree.ts';
import type { TablespacePlace } from './tablespaces.ts';

/** Durable on return. What was left behind, as sentences. */
export async function renewLinks(
  { place, tablespaces, strayLinks }: Situation,
  signal: AbortSignal,
): Promise<string[]> {
  const directory = join(place.real, 'pg_tblspc');
  const changed = tablespaces.filter(({ isLinked }) => !isLinked);
  if (changed.length === 0 && strayLinks.length === 0) return [];
  await makeDirectoryDurably(directory);
  const warnings: string[] = [];
  for (const { oid, aim } of strayLinks) {
    await unlink(join(directory, oid)).catch((error: unknown) => {
      throw fromSystemError(error, `could not remove symbolic link "${join(directory, oid)}"`);
    });
    warnings.push(`the source has no tablespace ${oid}: its link was removed, and ${aim} was left as it is`);
  }
  for (const each of changed) warnings.push(...(await renew(join(directory, each.oid), each, signal)));
  await syncDirectory(directory);
  return warnings;
}

async function renew(
  link: string,
  { oid, path, real }: TablespacePlace,
  signal: AbortSignal,
): Promise<string[]> {
  await makeDirectoryDurably(real);
  const before = await readLink(link).catch(() => undefined);
  // A link, or the directory of a tablespace that had no location of its own.
  await removeTree(link, signal);
  try {
    await makeLink(path, link);
  } catch (error) {
    throw fromSystemError(error, `could not create symbolic link "${link}"`);
  }
  return before === undefined ? [] : [`tablespace ${oid} was at ${before}, which was left as it is`];
}
