// What kind of recovery the server of a data directory is in, as restore_command must know it: a wrong answer opens
// the database early in one mode and kills a serving standby in another.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../program/program-error.ts';

/**
 * `standby`: the server goes on asking; `recovery`: absence ends recovery and opens the database; `none`: no signal
 * file, which is the last step of a promotion, pg_rewind, or a person.
 */
export type RecoveryMode = 'standby' | 'recovery' | 'none';

const word = /^\s*standby_mode\s*=?\s*(?:'([^']*)'|([^\s#]+))/i;

/** standby_mode of a recovery.conf (before PostgreSQL 12): the last setting counts; prefixes of on/true/yes are true. */
export function readsAsStandby(recoveryConf: string): boolean {
  let on = false;
  for (const line of recoveryConf.split(/\r?\n/)) {
    const match = word.exec(line);
    if (match === null) continue;
    const value = (match[1] ?? match[2] ?? '').toLowerCase();
    on =
      value === '1' ||
      value === 'on' ||
      (value !== '' && ('true'.startsWith(value) || 'yes'.startsWith(value)));
  }
  return on;
}

/**
 * The mode of a data directory. standby.signal wins over recovery.signal (from 12 on, xlogrecovery.c); a recovery.conf
 * that cannot be read counts as `recovery`, where an unknown answer stops the server instead of opening it.
 */
export function readRecoveryMode(dataDirectory: string): RecoveryMode {
  if (existsSync(join(dataDirectory, 'standby.signal'))) return 'standby';
  if (existsSync(join(dataDirectory, 'recovery.signal'))) return 'recovery';
  try {
    const text = readFileSync(join(dataDirectory, 'recovery.conf'), 'utf8');
    return readsAsStandby(text) ? 'standby' : 'recovery';
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? 'none' : 'recovery';
  }
}
