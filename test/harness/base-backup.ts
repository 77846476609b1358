// A base backup by PostgreSQL's low-level API, made without any program of twowarm's or PostgreSQL's: what a standby
// in a test starts from. Tablespaces are refused, WAL is not copied.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Cluster } from './cluster.ts';
import { copyDataDirectory } from './copy-data-directory.ts';
import { placeCluster } from './create-cluster.ts';
import { giveToServerUser } from './server-user.ts';
import type { Settings } from './settings.ts';

export interface BaseBackupOptions {
  /** The new cluster's name, in the same sandbox. */
  to: string;
  /** On top of the primary's own, which come with its postgresql.conf. */
  settings?: Settings;
  /** Whether pg_backup_stop waits until the last segment is archived. Default: if archive_mode is on. */
  waitForArchive?: boolean;
}

interface BackupStop {
  labelfile: string;
  spcmapfile: string;
}

/** Copies a running primary into a new cluster, which is not started: it needs the WAL of the backup from somewhere. */
export async function baseBackup(primary: Cluster, options: BaseBackupOptions): Promise<Cluster> {
  const copy = await placeCluster(primary.sandbox, options.to, primary.postgres);
  const { labelfile, spcmapfile } = await copyBetweenStartAndStop(primary, copy, options);
  if (spcmapfile.trim() !== '') throw new Error('the base backup of the tests does not copy tablespaces');
  const label = join(copy.dataDirectory, 'backup_label');
  writeFileSync(label, labelfile, { mode: 0o600 });
  giveToServerUser(label);
  copy.setSettings({ ...copy.address, ...options.settings });
  return copy;
}

/** One session from start to stop: a non-exclusive backup ends with its session. */
async function copyBetweenStartAndStop(
  primary: Cluster,
  copy: Cluster,
  { waitForArchive }: BaseBackupOptions,
): Promise<BackupStop> {
  const renamed = primary.postgres.major >= 15;
  return primary.session(async (client) => {
    const mode = await client.query<{ archive_mode: string }>('show archive_mode');
    const wait = waitForArchive ?? mode.rows[0]?.archive_mode !== 'off';
    await client.query(
      `select ${renamed ? "pg_backup_start('test', true)" : "pg_start_backup('test', true, false)"}`,
    );
    copyDataDirectory(primary.dataDirectory, copy.dataDirectory);
    const call = renamed ? 'pg_backup_stop($1)' : 'pg_stop_backup(false, $1)';
    const stop = await client.query<BackupStop>(`select labelfile, spcmapfile from ${call}`, [wait]);
    if (stop.rows[0] === undefined) throw new Error('pg_backup_stop returned nothing');
    return stop.rows[0];
  });
}
