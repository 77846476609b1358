// Copies the files of a running server's data directory: which of them, in which order, and what to do about those
// that vanish meanwhile. The list of what stays out is PostgreSQL's (backend/backup/basebackup.c).
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  chmodSync,
  type Dirent,
} from 'node:fs';
import { join } from 'node:path';

import { giveToServerUser } from './server-user.ts';

/** Directories that a backup has, empty. */
const EMPTIED = new Set(
  'pg_stat_tmp pg_replslot pg_dynshmem pg_notify pg_serial pg_snapshots pg_subtrans pg_wal'.split(' '),
);
const EXCLUDED = new Set(
  `postgresql.auto.conf.tmp current_logfiles.tmp backup_label tablespace_map backup_manifest
   postmaster.pid postmaster.opts`.split(/\s+/),
);
const PG_CONTROL = join('global', 'pg_control');

/** Copies `from` to `to`, which must not exist; everything becomes the server user's, 0700 and 0600. pg_control is last. */
export function copyDataDirectory(from: string, to: string): void {
  copyDirectory(from, to, '');
  for (const name of ['archive_status', 'summaries']) makeDirectory(join(to, 'pg_wal', name));
  own(join(to, PG_CONTROL), readStable(join(from, PG_CONTROL)));
}

function copyDirectory(from: string, to: string, inside: string): void {
  makeDirectory(join(to, inside));
  const entries = listing(join(from, inside));
  const names = new Set(entries.map((entry) => entry.name));
  for (const entry of entries) {
    const path = join(inside, entry.name);
    if (isExcluded(entry.name, names) || path === PG_CONTROL) continue;
    if (EMPTIED.has(path)) makeDirectory(join(to, path));
    else if (entry.isDirectory()) copyDirectory(from, to, path);
    else if (entry.isFile()) copyFile(join(from, path), join(to, path));
    else
      throw new Error(`neither a file nor a directory, which the tests cannot back up: ${join(from, path)}`);
  }
}

function isExcluded(name: string, neighbours: ReadonlySet<string>): boolean {
  if (EXCLUDED.has(name) || name.startsWith('pg_internal.init') || name.startsWith('pgsql_tmp')) return true;
  if (/^t\d+_\d+/.test(name)) return true; // A temporary relation.
  // An unlogged relation has an init fork, from which recovery makes the others again.
  const relation = /^(\d+)(?:_(fsm|vm|init))?(?:\.\d+)?$/.exec(name);
  return relation !== null && relation[2] !== 'init' && neighbours.has(`${relation[1]}_init`);
}

function copyFile(from: string, to: string): void {
  try {
    copyFileSync(from, to);
  } catch (error) {
    if (isMissing(error)) return; // Dropped meanwhile: replay does it again.
    throw error;
  }
  chmodSync(to, 0o600);
  giveToServerUser(to);
}

/** The server may be writing the file: what reads the same twice was not torn. */
function readStable(file: string): Buffer {
  for (let before = readFileSync(file); ;) {
    const now = readFileSync(file);
    if (now.equals(before)) return now;
    before = now;
  }
}

function own(file: string, content: Uint8Array): void {
  writeFileSync(file, content, { mode: 0o600 });
  giveToServerUser(file);
}

function makeDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  giveToServerUser(path);
}

function listing(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
