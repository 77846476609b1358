// From the moment a segment is published in a standby's archive to its last record replayed, on a real pair.
import { copyFileSync, linkSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'pg';
import { baseBackup } from '../test/harness/base-backup.ts';
import type { Cluster } from '../test/harness/cluster.ts';
import { createCluster } from '../test/harness/create-cluster.ts';
import { findPostgres } from '../test/harness/postgres-binaries.ts';
import { shell } from '../test/harness/run.ts';
import type { Sandbox } from '../test/harness/sandbox.ts';
import { giveToServerUser } from '../test/harness/server-user.ts';
import { configureStandby } from '../test/harness/standby.ts';
import type { Settings } from '../test/harness/settings.ts';
import { waitFor } from '../test/harness/wait-for.ts';

export interface Pair {
  primary: Cluster;
  /** Where the primary archives; from here segments are published one by one. */
  staging: string;
}

/** A running primary that archives to a directory where nobody looks. */
export async function startPrimary(sandbox: Sandbox): Promise<Pair> {
  const staging = sandbox.directory('staging');
  const primary = await createCluster(sandbox, {
    postgres: findPostgres(),
    name: 'primary',
    settings: { wal_level: 'replica', archive_mode: 'on', archive_command: `cp %p ${staging}/%f` },
  });
  await primary.start();
  await primary.query('create table load (id bigint, words text)');
  return { primary, staging };
}

/** A hot standby of it, with a home and an empty archive of its own. */
export async function startStandby(
  { primary, staging }: Pair,
  name: string,
  restoreCommand: (archive: string) => string,
  extra: Settings,
): Promise<{ standby: Cluster; archive: string }> {
  const { sandbox } = primary;
  const archive = sandbox.directory(`${name}/twowarm/archive`);
  const standby = await baseBackup(primary, { to: name });
  sandbox.file(`${name}/twowarm/twowarm.toml`, `[node]\ndata_directory = '${standby.dataDirectory}'\n`);
  for (const each of readdirSync(staging)) publish(staging, archive, each);
  const mode = 'standby' as const;
  const prefetch: Settings = primary.postgres.major >= 15 ? { recovery_prefetch: 'off' } : {};
  configureStandby(standby, {
    restoreCommand: restoreCommand(archive),
    mode,
    extra: { ...prefetch, ...extra },
  });
  await standby.start();
  return { standby, archive };
}

/** Makes the directory an archive of twowarm's, as its first archiveWALFile does: one that is not is looked through. */
export async function makeArchive({ primary, staging }: Pair, archive: string, bin: string): Promise<void> {
  const { sandbox, dataDirectory } = primary;
  const toml = `[node]\ndata_directory = '${dataDirectory}'\n[destination.it]\nurl = 'file:${archive}'\n`;
  sandbox.file('primary/twowarm/twowarm.toml', toml);
  const name = readdirSync(staging).sort()[0]!;
  const copy = join(sandbox.directory('copy'), name);
  copyFileSync(join(staging, name), copy);
  giveToServerUser(copy);
  const { code, stderr } = await shell(`${bin}/archiveWALFile ${copy} ${name}`, {
    cwd: dataDirectory,
  });
  if (code !== 0) throw new Error(`archiveWALFile failed: ${stderr}`);
}

/** As twowarm publishes: the name appears with the whole file behind it. */
function publish(staging: string, archive: string, name: string): void {
  linkSync(join(staging, name), join(archive, name));
}

/** A segment with `rows` rows of about 100 bytes, ended; its name and the LSN after the last row. */
async function finishSegment(
  { primary, staging }: Pair,
  rows: number,
): Promise<{ name: string; end: string }> {
  await primary.query(
    `insert into load select n, repeat(md5(n::text), 2) from generate_series(1, ${rows}) n`,
  );
  const end = await primary.value('select pg_current_wal_insert_lsn()');
  const name = await primary.finishSegment();
  await primary.waitUntilArchived(name);
  await waitFor(`${name} in ${staging}`, () => readdirSync(staging).includes(name));
  return { name, end };
}

async function untilReplayed(client: Client, lsn: string): Promise<void> {
  for (;;) {
    const { rows } = await client.query('select 1 where pg_last_wal_replay_lsn() >= $1', [lsn]);
    if (rows.length > 0) return;
  }
}

/** Publishes `count` segments, each once the one before is replayed and `quietMs()` has passed; ms to its replay. */
export async function timeArrivals(
  pair: Pair,
  { standby, archive }: { standby: Cluster; archive: string },
  { count, rows, quietMs }: { count: number; rows: number; quietMs: () => number },
): Promise<number[]> {
  const times: number[] = [];
  await standby.session(async (client) => {
    for (let i = 0; i < count; i++) {
      const { name, end } = await finishSegment(pair, rows);
      const missing = readdirSync(pair.staging).filter((each) => !readdirSync(archive).includes(each));
      for (const each of missing.filter((other) => other !== name)) publish(pair.staging, archive, each);
      await pause(quietMs());
      const startedMs = performance.now();
      publish(pair.staging, archive, name);
      await untilReplayed(client, end);
      times.push(performance.now() - startedMs);
    }
  });
  return times;
}
