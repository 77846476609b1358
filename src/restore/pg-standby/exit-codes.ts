// pg_standby's exit codes, and what is made of them where PostgreSQL would open the database at any of them. Pure.
import type { RecoveryMode } from '../../postgres/recovery-mode.ts';
import { stopRecovery } from '../answer.ts';

export const exitCodes = {
  restored: 0,
  /** Failover, time limit, an absent history file, a copy that failed. */
  notRestored: 1,
  /** The command line, the archive's place, a fault of pg_standby's own. */
  fault: 2,
  tooLarge: 3,
} as const;

/**
 * The code of something that is not the end of the WAL. Under recovery.signal PostgreSQL would take it for that, so there
 * recovery stops instead; elsewhere nothing above 125, which kills a standby and forks a promotion.
 */
export function exitCodeUnder(mode: RecoveryMode | undefined, code: number): number {
  return mode === 'recovery' ? stopRecovery : code;
}
