// What kind of recovery the server of a data directory is in, as restore_command must know it: a wrong answer opens
// the database early in one mode and kills a serving standby in another.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../program/program-error.ts';
import { parseBoolean } from './parse-configuration.ts';
import { readRecoveryConf } from './server-settings.ts';
import { majorVersion } from './version.ts';

/**
 * `standby`: the server goes on asking; `recovery`: absence ends recovery and opens the database; `none`: no signal
 * file, which is the last step of a promotion, pg_rewind, or a person.
 */
export type RecoveryMode = 'standby' | 'recovery' | 'none';

/**
 * The mode of a data directory. standby.signal wins over recovery.signal (from 12 on, xlogrecovery.c); before 12 only
 * recovery.conf counts. One that cannot be read, or that the server would refuse, counts as `recovery`, where an
 * unknown answer stops the server instead of opening it.
 */
export function readRecoveryMode(dataDirectory: string): RecoveryMode {
  const signal = signalOf(dataDirectory);
  if (signal !== undefined && !ignoresSignals(dataDirectory)) return signal;
  const recoveryConf = readRecoveryConf(dataDirectory);
  if (recoveryConf === undefined) return 'none';
  const isStandby = parseBoolean(recoveryConf.get('standby_mode') ?? 'off') === true;
  return recoveryConf.complete && isStandby ? 'standby' : 'recovery';
}

function signalOf(dataDirectory: string): RecoveryMode | undefined {
  try {
    if (isThere(join(dataDirectory, 'standby.signal'))) return 'standby';
    return isThere(join(dataDirectory, 'recovery.signal')) ? 'recovery' : undefined;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    // A disk that fails is not a file that is missing.
    return 'recovery';
  }
}

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

/** Signal files left in a data directory of a version before 12 mean nothing there. */
function ignoresSignals(dataDirectory: string): boolean {
  const major = majorVersion(dataDirectory);
  return major !== undefined && major < 12;
}
