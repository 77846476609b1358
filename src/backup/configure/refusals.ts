// Which data directories can be made a standby's: a base backup, or a standby that is stopped. What must not be touched, or not
// without being asked for by name, is refused before anything is read further.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readDatabaseState, type DatabaseState } from '../../postgres/database-state.ts';
import { refuseRunningServer } from '../../postgres/refuse-running.ts';
import { lackingData } from '../../program/lacking-data.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { Settings } from '../../program/settings/settings.ts';

/** `base-backup`: one that was not started yet. `former-primary`: it was a primary when it stopped, or its files were copied then. */
export type Origin = 'base-backup' | 'standby' | 'former-primary';

/** Throws where nothing may be changed in the data directory at this moment. */
export function refuseUnfit(dataDirectory: string, { server }: Settings): void {
  refuseRunningServer(dataDirectory, server);
  const lack = lackingData(dataDirectory, true);
  if (lack !== undefined) throw lack;
}

const ofStandby: DatabaseState['state'][] = ['in archive recovery', 'shut down in recovery'];

/** What the directory is; throws where it is a primary's and `--former-primary` was not given. */
export function originOf(dataDirectory: string, mayBePrimary: boolean): Origin {
  if (existsSync(join(dataDirectory, 'backup_label'))) return 'base-backup';
  const { state } = readDatabaseState(dataDirectory);
  if (ofStandby.includes(state)) return 'standby';
  if (mayBePrimary) return 'former-primary';
  throw new ProgramError('diverged', `${dataDirectory} is the data directory of a primary`, {
    detail: `pg_control says: ${state ?? 'unknown'}; there is no backup_label. A primary that has written what its successor does not have cannot follow it.`,
    hint: 'Copy it again: copyToStandby on the new primary sends only what differs. configStandby --former-primary, which looks where the timelines part, takes it only if its successor has replayed all of its WAL up to the shutdown, by streaming or with its last segment, or if it is a copy of a stopped server.',
  });
}
