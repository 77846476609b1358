// What a directory tree holds, and what a call changed in it: names, kinds, modes, owners, sizes, contents.
import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Path within the tree to a description that changes when anything but a time does. */
export type Snapshot = ReadonlyMap<string, string>;

/** Everything below `root`, links not followed. */
export function snapshot(root: string): Snapshot {
  const found = new Map<string, string>();
  const visit = (path: string): void => {
    for (const name of opened(join(root, path), () => readdirSync(join(root, path)))) {
      const below = path === '' ? name : `${path}/${name}`;
      const stats = lstatSync(join(root, below), { throwIfNoEntry: false });
      // Another process has removed it since its name was read.
      if (stats === undefined) continue;
      const kind = (stats.mode & 0o170_000).toString(8);
      const rights = `${kind} ${(stats.mode & 0o7777).toString(8)} ${stats.uid}:${stats.gid}`;
      found.set(below, `${rights} ${contentOf(join(root, below), stats)}`);
      if (stats.isDirectory()) opened(join(root, below), () => visit(below));
    }
  };
  visit('');
  return found;
}

/** Looks into what is closed: its owner may open it for a moment, root need not. */
function opened<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
  }
  const { mode } = statSync(path);
  chmodSync(path, 0o700);
  try {
    return look();
  } finally {
    chmodSync(path, mode & 0o7777);
  }
}

function contentOf(path: string, stats: ReturnType<typeof lstatSync>): string {
  if (stats?.isSymbolicLink()) return readlinkSync(path);
  if (!stats?.isFile()) return '';
  try {
    return hashOf(path, stats.size);
  } catch (error) {
    // Another process has removed it since it was looked at.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
    throw error;
  }
}

function hashOf(path: string, size: number | bigint): string {
  return `${size} ${createHash('sha256')
    .update(opened(path, () => readFileSync(path)))
    .digest('hex')}`;
}

/** 'created archive/x', 'changed …', 'removed …', sorted by path; paths that match `ignored` are left out. */
export function changesBetween(before: Snapshot, after: Snapshot, ignored?: RegExp): string[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].filter(
    (path) => ignored?.test(path) !== true,
  );
  return paths.sort().flatMap((path) => {
    const [was, is] = [before.get(path), after.get(path)];
    if (was === is) return [];
    return [`${was === undefined ? 'created' : is === undefined ? 'removed' : 'changed'} ${path}`];
  });
}
