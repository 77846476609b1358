// From what is known of a requested file to restore_command's exit code. Pure. The same fact needs another code in
// each mode: a 1 opens the database under recovery.signal, a code above 125 kills a standby that serves queries.
import type { RecoveryMode } from '../postgres/recovery-mode.ts';

/** `unknown`: neither had nor surely absent - unreachable, refused, corrupt, misconfigured. */
export type Answer = 'restored' | 'absent' | 'unknown';

/** Above 125, so that recovery stops instead of ending (xlogarchive.c, RestoreArchivedFile). */
export const stopRecovery = 200;

/** The exit code of an answer in a mode. */
export function exitCodeOf(answer: Answer, mode: RecoveryMode): number {
  if (answer === 'restored') return 0;
  if (answer === 'absent') return 1;
  return mode === 'recovery' ? stopRecovery : 1;
}

/** The longest time for an answer about a history file, in ms. */
export const historyLimitMs = 5000;

/** How long an unknown answer is tried again before it is given, in ms; a history file is probed at every turn. */
export function retryWithinMs(mode: RecoveryMode, isHistory: boolean, limitMs: number): number {
  if (mode === 'none') return 0;
  return isHistory ? Math.min(limitMs, historyLimitMs) : limitMs;
}
