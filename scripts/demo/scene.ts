// The two servers and their twowarm homes, set up as a person would: two directories, two small files, and one line in
// each server's configuration. Everything that matters is shown while it is made.
import { join, relative } from 'node:path';

import { baseBackup } from '../../test/harness/base-backup.ts';
import type { Cluster } from '../../test/harness/cluster.ts';
import { createCluster } from '../../test/harness/create-cluster.ts';
import { program } from '../../test/harness/installation.ts';
import { findPostgres } from '../../test/harness/postgres-binaries.ts';
import type { Sandbox } from '../../test/harness/sandbox.ts';
import { settingsText, type Settings } from '../../test/harness/settings.ts';
import { configureStandby } from '../../test/harness/standby.ts';
import { say, show } from './narrator.ts';

export interface Scene {
  primary: Cluster;
  standby: Cluster;
  primaryHome: string;
  standbyHome: string;
  /** Where the primary's WAL arrives: a directory of the standby's. */
  archive: string;
}

const archiveOf = (sandbox: Sandbox): string => join(sandbox.path, 'standby', 'twowarm', 'archive');

/** Writes a node's twowarm.toml into its home, which is the directory `twowarm` beside its data directory. */
function makeHome(sandbox: Sandbox, name: string, toml: string): string {
  const home = sandbox.directory(`${name}/twowarm`);
  show(sandbox.file(join(relative(sandbox.path, home), 'twowarm.toml'), toml), toml);
  return home;
}

const node = (sandbox: Sandbox, name: string): string =>
  `[node]\nname = '${name}'\ndata_directory = '${join(sandbox.path, name, 'data')}'\n`;

function commandLine(name: string, placeholders: string): string {
  const path = program(name);
  return `${/^[\w/.-]+$/.test(path) ? path : `"${path.replaceAll('%', '%%')}"`} ${placeholders}`;
}

/** A running primary whose archive_command ships to the standby's archive directory. */
export async function buildPrimary(sandbox: Sandbox): Promise<Cluster> {
  const postgres = findPostgres();
  say(`PostgreSQL ${postgres.version} (${postgres.bindir}), in ${sandbox.path}`);
  const settings: Settings = {
    wal_level: 'replica',
    archive_mode: 'on',
    archive_command: commandLine('archiveWALFile', '%p %f'),
  };
  const primary = await createCluster(sandbox, { postgres, name: 'primary', settings });
  show('postgresql.conf of the primary', settingsText(settings));
  // No program of twowarm's creates the archive directory: a missing mount must not look like an empty archive.
  const archive = sandbox.directory(relative(sandbox.path, archiveOf(sandbox)));
  makeHome(
    sandbox,
    'primary',
    `${node(sandbox, 'primary')}\n[destination.standby]\nurl = 'file:${archive}'\n`,
  );
  await primary.start();
  await primary.query('create table ledger (id int primary key, note text not null)');
  await primary.query('create table after_trigger (note text not null)');
  say('The primary runs. A zero from archiveWALFile means that the segment is safe on disk over there.');
  return primary;
}

/** A base backup of the primary, running as a hot standby that knows nothing but its archive directory. */
export async function buildStandby(sandbox: Sandbox, primary: Cluster): Promise<Scene> {
  const standbyHome = makeHome(sandbox, 'standby', node(sandbox, 'standby'));
  const standby = await baseBackup(primary, { to: 'standby' });
  say('The base backup is made (pg_backup_start, copy, pg_backup_stop); its WAL went through the archive.');
  const restoreCommand = commandLine('restoreWALFile', '%f %p %r');
  // From 15 on PostgreSQL reads ahead, and would not replay what it has while restore_command waits.
  const extra: Settings = standby.postgres.major >= 15 ? { recovery_prefetch: 'off' } : {};
  configureStandby(standby, { restoreCommand, mode: 'standby', extra });
  show(
    'settings of the standby, beside standby.signal',
    settingsText({ restore_command: restoreCommand, ...extra }),
  );
  await standby.start();
  say('The standby runs and answers queries. There is no connection between the two servers: only files.');
  say(
    'Its restore_command does not poll: it waits for the next segment and is woken when that is published.',
  );
  const primaryHome = join(sandbox.path, 'primary', 'twowarm');
  return { primary, standby, primaryHome, standbyHome, archive: archiveOf(sandbox) };
}
