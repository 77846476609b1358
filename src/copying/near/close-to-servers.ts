// Takes away what lets a server start, and what would mislead the next one: pg_control first. A server that was started in the
// moment before keeps it.
import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, fromSystemError } from '../../program/program-error.ts';
import { rename, unlinkIfThere } from '../../program/system-calls.ts';
import { temporaryPath } from '../../program/temporary-name.ts';
import { syncDirectory } from './finish.ts';
import { refuseRunningServer } from './refuse-server.ts';

/**
 * Of a former life of the directory; the copy brings its own backup_label, and nothing else of these. All are names that only
 * PostgreSQL gives; what no base backup has and stays would also fail pg_verifybackup.
 */
const misleading = [
  'standby.signal',
  'recovery.signal',
  'recovery.conf',
  'recovery.done',
  'promote',
  'fallback_promote',
  'logrotate',
  'current_logfiles',
  'postmaster.pid',
  'postmaster.opts',
  'backup_label',
  'backup_label.old',
  'tablespace_map',
  'tablespace_map.old',
  'backup_manifest',
];

/** From here on no server can start in the directory; durable on return. */
export async function closeToServers(root: string, nodeId: string): Promise<void> {
  await removeControl(root, nodeId);
  for (const name of misleading) await remove(join(root, name));
  closeToOthers(root);
  await syncDirectory(root);
}

async function removeControl(root: string, nodeId: string): Promise<void> {
  const path = join(root, 'global', 'pg_control');
  const aside = temporaryPath(path, nodeId);
  try {
    await rename(path, aside);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw fromSystemError(error, `could not remove file "${path}"`);
  }
  try {
    refuseRunningServer(root);
  } catch (error) {
    await rename(aside, path);
    throw error;
  }
  await remove(aside);
  await syncDirectory(join(root, 'global'));
}

async function remove(path: string): Promise<void> {
  try {
    await unlinkIfThere(path);
  } catch (error) {
    throw fromSystemError(error, `could not remove file "${path}"`);
  }
}

/** PostgreSQL does not start in a directory that others may enter, or that its group may write to (miscinit.c). */
function closeToOthers(root: string): void {
  try {
    if ((statSync(root).mode & 0o027) !== 0) chmodSync(root, 0o700);
  } catch (error) {
    throw fromSystemError(error, `could not set permissions of directory "${root}"`);
  }
}
