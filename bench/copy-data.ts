// What the database holds: how much, how many pages differ from a copy, changes to some of them, many small files.
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster } from '../test/harness/cluster.ts';
import { giveToServerUser } from '../test/harness/server-user.ts';

const pageBytes = 8192;

function filesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('/pg_wal'))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** In bytes, without pg_wal. */
export const sizeOfCluster = async (directory: string): Promise<number> =>
  filesOf(directory).reduce((sum, file) => sum + statSync(file).size, 0);

/** Updates one row in each `n`-th page of the largest table. */
export async function changeOneIn(n: number, cluster: Cluster): Promise<void> {
  await cluster.query(
    `update pgbench_accounts set abalance = abalance + 1
     where aid in (select min(aid) from pgbench_accounts group by ((ctid::text::point)[0]::int / ${n}))`,
  );
  await cluster.query('checkpoint');
}

function readAll(path: string): Buffer {
  const buffer = Buffer.alloc(statSync(path).size);
  const descriptor = openSync(path, 'r');
  readSync(descriptor, buffer, 0, buffer.length, 0);
  closeSync(descriptor);
  return buffer;
}

/** The pages of the databases that are not the same in a copy. */
export function differingPages(directory: string, copy: string): { pages: number; differing: number } {
  const count = { pages: 0, differing: 0 };
  for (const file of filesOf(join(directory, 'base'))) {
    const other = file.replace(directory, copy);
    const [now, before] = [readAll(file), existsSync(other) ? readAll(other) : Buffer.alloc(0)];
    for (let at = 0; at < now.length; at += pageBytes) {
      count.pages += 1;
      if (!now.subarray(at, at + pageBytes).equals(before.subarray(at, at + pageBytes))) count.differing += 1;
    }
  }
  return count;
}

/** Files that no relation has, under names as relations have them. */
export function manyFiles(directory: string, count: number): void {
  const page = Buffer.alloc(pageBytes);
  for (let at = 0; at < count; at++) {
    const path = join(directory, String(1_000_000 + at));
    writeFileSync(path, page, { mode: 0o600 });
    giveToServerUser(path);
  }
}
