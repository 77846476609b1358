// How this server is promoted: by its recovery mode, and by what its restore_command waits for. Refuses what a trigger
// cannot end.
import { readDatabaseState } from '../postgres/database-state.ts';
import { readRecoveryMode } from '../postgres/recovery-mode.ts';
import { readServerSettings } from '../postgres/server-settings.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import { ProgramError } from '../program/program-error.ts';
import type { Wish } from './options.ts';
import { readPgStandby } from './pg-standby-call.ts';

export interface Plan {
  wish: Wish;
  /** A standby goes on asking until it is told to end recovery; a recovery ends when its restore_command says "absent". */
  asksServer: boolean;
  /** What the waiting restore_command looks at. */
  triggerFiles: string[];
}

/** What a call that did not live to see the end may have left, whichever restore_command it was for. */
export function possibleTriggerFiles({ settings: { dataDirectory, restore } }: ThisNode): string[] {
  const command = readServerSettings(dataDirectory).get('restore_command');
  const other = command === undefined ? undefined : readPgStandby(command, dataDirectory)?.triggerFile;
  return other === undefined ? [restore.triggerFile] : [restore.triggerFile, other];
}

/** Decides by the signal files and the configuration; a `not-a-standby` error where nothing can be triggered. */
export function planPromotion(wish: Wish, { settings }: ThisNode): Plan {
  const { dataDirectory } = settings;
  const mode = readRecoveryMode(dataDirectory);
  const restoreCommand = readServerSettings(dataDirectory).get('restore_command');
  const pgStandby = restoreCommand === undefined ? undefined : readPgStandby(restoreCommand, dataDirectory);
  const triggerFile = pgStandby === undefined ? settings.restore.triggerFile : pgStandby.triggerFile;
  const plan = { wish, triggerFiles: triggerFile === undefined ? [] : [triggerFile] };
  if (mode === 'standby') return { ...plan, asksServer: true };
  if (mode === 'recovery') {
    if (pgStandby === undefined && settings.restore.wait !== 'warm')
      throw endsByItself(settings.configurationFile);
    if (triggerFile === undefined) throw cannotBeTold();
    return { ...plan, asksServer: false };
  }
  // Without a signal file, and yet not open: the last step of a promotion, or somebody has removed it under a standby.
  const { state } = readDatabaseState(dataDirectory);
  if (state === 'in archive recovery' || state === 'in production') return { ...plan, asksServer: true };
  throw new ProgramError(
    'not-a-standby',
    `the server in ${dataDirectory} is not a standby: it has no signal file`,
    {
      detail: `It is ${state ?? 'in an unknown state'}, not in archive recovery.`,
      hint: 'Wait until it has started, or look at its log. Is this the right node?',
    },
  );
}

function endsByItself(configurationFile: string): ProgramError {
  return new ProgramError(
    'not-a-standby',
    'the server is in point-in-time recovery, which ends by itself and cannot be triggered',
    {
      detail:
        'There is a recovery.signal, or a recovery.conf without standby_mode, and restore.wait is not "warm".',
      hint: `To have it wait for WAL until it is triggered, set restore.wait = 'warm' in ${configurationFile}.`,
    },
  );
}

function cannotBeTold(): ProgramError {
  return new ProgramError('not-a-standby', "the restore_command's pg_standby has no trigger file", {
    hint: 'Give it one with -t and start the server again, or send its process SIGUSR1, which promotes like "fast".',
  });
}
