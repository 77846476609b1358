// A primary that archives with twowarm and a standby that restores with it, as real servers: each with a home of its
// own, connected by nothing but an archive directory. What is written is a ledger of numbers without gaps.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

import { baseBackup } from '../harness/base-backup.ts';
import type { Cluster } from '../harness/cluster.ts';
import { createCluster } from '../harness/create-cluster.ts';
import { program } from '../harness/installation.ts';
import type { PostgresBinaries } from '../harness/postgres-binaries.ts';
import type { Sandbox } from '../harness/sandbox.ts';
import type { Settings } from '../harness/settings.ts';
import { configureStandby } from '../harness/standby.ts';
import { waitFor } from '../harness/wait-for.ts';

/** Always quoted: an installation may have a space in its path. */
export const archiveCommand = (): string => `"${program('archiveWALFile')}" %p %f`;
export const restoreCommand = (): string => `"${program('restoreWALFile')}" %f %p %r`;

/** Writes twowarm.toml into the home beside the cluster's data directory; [node] is added. */
export function giveHome(cluster: Cluster, toml: string): void {
  const { sandbox, name, dataDirectory } = cluster;
  sandbox.file(`${name}/twowarm/twowarm.toml`, `[node]\ndata_directory = '${dataDirectory}'\n${toml}`);
}

export const destination = (directory: string): string => `[destination.one]\nurl = 'file:${directory}'\n`;

/** Where the standby of that name expects its WAL: the default archive directory of its home. */
export const archiveOf = (sandbox: Sandbox, standby = 'standby'): string =>
  join(sandbox.path, standby, 'twowarm', 'archive');

/** Makes it: no program does. */
export const makeArchive = (sandbox: Sandbox, standby = 'standby'): string =>
  sandbox.directory(`${standby}/twowarm/archive`);

/** The plain whole segments in that archive, sorted. */
export const segmentsIn = (sandbox: Sandbox, standby?: string): string[] =>
  readdirSync(archiveOf(sandbox, standby))
    .filter((name) => /^[0-9A-F]{24}$/.test(name))
    .sort();

export interface PrimaryOptions {
  postgres: PostgresBinaries;
  /** Default 'primary'. */
  name?: string;
  initdbArgs?: readonly string[];
  /** Default: the archive directory of the cluster named 'standby', which then is made. */
  shipsTo?: string;
}

/** A running primary with an empty ledger. */
export async function startPrimary(sandbox: Sandbox, options: PrimaryOptions): Promise<Cluster> {
  const { postgres, name = 'primary', initdbArgs = [], shipsTo } = options;
  const settings: Settings = {
    wal_level: 'replica',
    archive_mode: 'on',
    archive_command: archiveCommand(),
    fsync: false, // Of the server: its files need not survive the test. Ours are synced all the same.
  };
  const primary = await createCluster(sandbox, { postgres, name, initdbArgs, settings });
  if (shipsTo === undefined) makeArchive(sandbox);
  giveHome(primary, destination(shipsTo ?? archiveOf(sandbox)));
  await primary.start();
  await primary.query('create table ledger (n int)');
  return primary;
}

export interface StandbyOptions {
  /** Default 'standby'. */
  name?: string;
  mode?: 'standby' | 'recovery';
  /** Further configuration of its twowarm, after [node]. */
  toml?: string;
  /** Further settings of PostgreSQL. */
  extra?: Settings;
  waitForArchive?: boolean;
}

/** A base backup of the primary, ready to start: its source is the archive directory in its own home. */
export async function makeStandby(primary: Cluster, options: StandbyOptions = {}): Promise<Cluster> {
  const { name = 'standby', mode = 'standby', toml = '', extra = {}, waitForArchive } = options;
  const standby = await baseBackup(primary, {
    to: name,
    ...(waitForArchive === undefined ? {} : { waitForArchive }),
  });
  giveHome(standby, toml);
  const quick = mode === 'standby' ? { wal_retrieve_retry_interval: '100ms' } : {};
  configureStandby(standby, { restoreCommand: restoreCommand(), mode, extra: { ...quick, ...extra } });
  return standby;
}

/** Commits `count` more numbers, one transaction; returns how many there are now. */
export async function commitRows(cluster: Cluster, count: number): Promise<number> {
  await cluster.query(
    'insert into ledger select (select coalesce(max(n), 0) from ledger) + i from generate_series(1, $1::int) i',
    [count],
  );
  return cluster.value<number>('select max(n) from ledger');
}

/** Commits rows and waits until the segment that holds them is archived. */
export async function shipRows(primary: Cluster, count: number): Promise<number> {
  const rows = await commitRows(primary, count);
  await primary.waitUntilArchived(await primary.finishSegment());
  return rows;
}

/** Waits until a query on the standby sees so many rows. */
export async function waitForRows(standby: Cluster, rows: number): Promise<void> {
  await waitFor(
    `${rows} rows on ${standby.name}`,
    async () => (await standby.value<number>('select max(n) from ledger')) === rows,
    { limitMs: 40_000 },
  );
}

/** Expects the numbers from 1 to `rows`, each once. */
export async function expectRows(cluster: Cluster, rows: number): Promise<void> {
  const sql = 'select count(*)::int as count, count(distinct n)::int as different, max(n) as max from ledger';
  expect(await cluster.query(sql)).toEqual([{ count: rows, different: rows, max: rows }]);
}

/** Waits until recovery has ended: a server that is hot on the way answers before that. */
export async function waitUntilOpen(cluster: Cluster): Promise<void> {
  await waitFor(
    `${cluster.name} to open`,
    async () => !(await cluster.value<boolean>('select pg_is_in_recovery()')),
  );
}

/** The timeline that the server writes to. */
export async function timelineOf(cluster: Cluster): Promise<number> {
  const name = await cluster.value('select pg_walfile_name(pg_current_wal_insert_lsn())');
  return Number.parseInt(name.slice(0, 8), 16);
}

/** Files of pg_wal that PostgreSQL has not been able to archive. */
export const unarchived = (cluster: Cluster): string[] =>
  readdirSync(join(cluster.dataDirectory, 'pg_wal', 'archive_status')).filter((name) =>
    name.endsWith('.ready'),
  );

/** Whether the cluster still has the file that makes it recover. */
export const isMarkedForRecovery = ({ dataDirectory }: Cluster): boolean =>
  ['recovery.signal', 'standby.signal', 'recovery.conf'].some((name) =>
    existsSync(join(dataDirectory, name)),
  );
