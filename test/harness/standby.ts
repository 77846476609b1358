// Turns a base backup into a standby, or into a server that recovers and opens, the way its version wants it told:
// recovery.conf before PostgreSQL 12, a signal file and postgresql.conf since.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Cluster } from './cluster.ts';
import { giveToServerUser } from './server-user.ts';
import { settingsText, type Settings } from './settings.ts';

/** What recovery.conf took, and postgresql.conf refused, before PostgreSQL 12. */
const RECOVERY_CONF =
  /^(restore_command|archive_cleanup_command|standby_mode|trigger_file|recovery_.*|primary_.*)$/;

/** From 15 on a server replays nothing while its restore_command waits, unless it does not look ahead. */
export const noPrefetch = (major: number): Settings => (major >= 15 ? { recovery_prefetch: 'off' } : {});

export interface StandbyOptions {
  restoreCommand: string;
  /** 'standby' keeps following until promoted; 'recovery' opens at the end of the WAL. */
  mode: 'standby' | 'recovery';
  /** Further settings, of recovery or not: primary_conninfo, recovery_target_time, wal_retrieve_retry_interval. */
  extra?: Settings;
}

/** Configures a stopped cluster. It follows the newest timeline, unless `extra` says otherwise. */
export function configureStandby(
  cluster: Cluster,
  { restoreCommand, mode, extra = {} }: StandbyOptions,
): void {
  const settings = { restore_command: restoreCommand, recovery_target_timeline: 'latest', ...extra };
  if (cluster.postgres.major >= 12) {
    cluster.setSettings(settings);
    write(cluster, `${mode}.signal`, '');
    return;
  }
  const all = Object.entries({ standby_mode: mode === 'standby', ...settings });
  const ofRecovery = all.filter(([name]) => RECOVERY_CONF.test(name));
  cluster.setSettings(Object.fromEntries(all.filter(([name]) => !RECOVERY_CONF.test(name))));
  write(cluster, 'recovery.conf', settingsText(Object.fromEntries(ofRecovery)));
}

function write(cluster: Cluster, name: string, content: string): void {
  const file = join(cluster.dataDirectory, name);
  writeFileSync(file, content, { mode: 0o600 });
  giveToServerUser(file);
}
