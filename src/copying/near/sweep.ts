// Removes what a source does not have (any more) from directories that are PostgreSQL's own. Elsewhere nothing is removed: what
// lies at the top of a data directory may be anybody's.
import { join } from 'node:path';
import type { Names } from '../name-set.ts';
import { namesBut, removeTree } from './remove-tree.ts';
import { partsOf, type Tree } from './tree.ts';

/** Those that initdb makes (src/bin/initdb/initdb.c), 10 to 18: all in them is PostgreSQL's. */
const own = new Set([
  'base',
  'global',
  'pg_commit_ts',
  'pg_dynshmem',
  'pg_logical',
  'pg_multixact',
  'pg_notify',
  'pg_replslot',
  'pg_serial',
  'pg_snapshots',
  'pg_stat',
  'pg_stat_tmp',
  'pg_subtrans',
  'pg_tblspc',
  'pg_twophase',
  'pg_wal',
  'pg_xact',
]);

/** In the location of a tablespace, only the directory of this cluster's version is. */
function isOwn(tree: Tree, [first, oid, version]: readonly string[]): boolean {
  if (first === undefined || !own.has(first)) return false;
  return !(first === 'pg_tblspc' && oid !== undefined && version === undefined && tree.isPlanned(oid));
}

/** As target.ts promises it. */
export async function sweep(tree: Tree, path: string, names: Names, signal: AbortSignal): Promise<number> {
  signal.throwIfAborted();
  if (!isOwn(tree, partsOf(path)) || !(await tree.has(path))) return 0;
  const keep = (name: string): boolean => names.has(name) || (path === 'pg_tblspc' && tree.isPlanned(name));
  const directory = tree.pathOf(path);
  let removed = 0;
  for (const name of await namesBut(directory, keep)) {
    removed += await removeTree(join(directory, name), signal);
    tree.forget(`${path}/${name}`);
  }
  return removed;
}
