// A base backup that was not configured yet: a server that is started there becomes a primary, or finds no checkpoint.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { shellWord } from '../program/shell-word.ts';
import { readRecoveryMode } from './recovery-mode.ts';

export interface Unconfigured {
  message: string;
  detail: string;
  hint: string;
}

/**
 * Undefined where it is none. backup_label is also that of a primary (before 15) which crashed during an exclusive backup;
 * that one has left its postmaster.pid, which no copy brings along.
 */
export function unconfiguredBackup(dataDirectory: string): Unconfigured | undefined {
  const has = (name: string): boolean => existsSync(join(dataDirectory, name));
  if (!has('backup_label') || has('postmaster.pid') || readRecoveryMode(dataDirectory) !== 'none')
    return undefined;
  return {
    message: `${dataDirectory} is a base backup that is not configured yet`,
    detail:
      'There is a backup_label, but no standby.signal, recovery.signal or recovery.conf: a server that is started now does not find its checkpoint, or becomes a primary.',
    hint: `Do not start it. Configure it first: configStandby -D ${shellWord(dataDirectory)}`,
  };
}
