// What this node is to do, as pg_control, the signal files and postmaster.pid say it; never by whether a connection
// succeeds, which a hot standby allows, too. A primary's archive_command ships by itself; everybody else relays.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { readDatabaseState, type DatabaseState } from './database-state.ts';
import { readPostmaster, type Postmaster } from './postmaster-file.ts';
import { readRecoveryMode } from './recovery-mode.ts';
import { readRecoveryConf } from './server-settings.ts';
import { readOwnArchive } from '../program/own-archive.ts';
import { fromSystemError, ProgramError } from '../program/program-error.ts';
import type { Settings } from '../program/settings/settings.ts';

/** `primary`: it archives by itself, on that timeline; only files of older timelines have arrived from elsewhere. */
export type Role = { relays: true } | { relays: false; timeline: number; isRunning: boolean };

const relay: Role = { relays: true };

/** The role at this moment. A `data-directory` or `unsafe-state` error, or that of the system, where it is not known. */
export function readRole({ dataDirectory, home }: Settings): Role {
  const isToRecover = readsSignal(dataDirectory);
  const { state, timeline } = readDatabaseState(dataDirectory);
  if (state === undefined) {
    throw new ProgramError('data-directory', `pg_control in ${dataDirectory} has an unknown state`, {
      detail: 'Whether this node is a primary cannot be known; nothing is relayed.',
      hint: 'Is there a newer twowarm?',
    });
  }
  const postmaster = readPostmaster(dataDirectory);
  const primary: Role = { relays: false, timeline, isRunning: postmaster !== undefined };
  if (postmaster !== undefined) return opensOrIsOpen(state, isToRecover, postmaster) ? primary : relay;
  // What is in the archive of a primary that stopped it has written itself, if it was triggered; else it arrived there.
  return !isToRecover && !wasRecovering(state) && readOwnArchive(home) !== undefined ? primary : relay;
}

/** Whether the server recovers, or will when it starts: its archive_command is not called. Where that is not known, it may be. */
export function isRecovering({ dataDirectory }: Pick<Settings, 'dataDirectory'>): boolean {
  try {
    return readsSignal(dataDirectory) || wasRecovering(readDatabaseState(dataDirectory).state);
  } catch (error) {
    if (error instanceof ProgramError) return false;
    throw error;
  }
}

const wasRecovering = (state: DatabaseState['state']): boolean =>
  state === 'in archive recovery' || state === 'shut down in recovery';

/** Whether the running server is a primary, becomes one after a crash or a clean start, or stops as one. */
function opensOrIsOpen(state: DatabaseState['state'], isToRecover: boolean, { status }: Postmaster): boolean {
  // With a signal file it is for the next start that somebody has put it there; of the base backup that a standby just
  // starts from, the state is still the primary's.
  if (isToRecover) return state === 'shutting down' || (state === 'in production' && status !== 'starting');
  // Without one: the last step of a promotion, in which the state is still that of a standby.
  return !wasRecovering(state);
}

/** Whether a signal file, or recovery.conf, has the server recover. What cannot be looked for is not absent. */
function readsSignal(dataDirectory: string): boolean {
  for (const name of ['standby.signal', 'recovery.signal']) {
    const path = join(dataDirectory, name);
    try {
      statSync(path, { throwIfNoEntry: false });
    } catch (error) {
      const { message } = fromSystemError(error, `could not look for ${path}`);
      throw new ProgramError('data-directory', message, { cause: error });
    }
  }
  const problem = readRecoveryConf(dataDirectory)?.problem;
  if (problem !== undefined) throw new ProgramError('data-directory', problem);
  return readRecoveryMode(dataDirectory) !== 'none';
}
