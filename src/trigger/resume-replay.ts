// A replay that somebody has paused is resumed before the promotion is asked for, and seen to go on. From PostgreSQL 14 on a
// pause takes effect between a look for the next segment that has found none and the look for a promotion
// (WaitForWALToBecomeAvailable in xlogrecovery.c): a server that is asked in there ends recovery without looking again for
// what has arrived during the pause. Anywhere else it looks again first.
import { setTimeout as sleep } from 'node:timers/promises';
import { majorVersion } from '../postgres/version.ts';
import { ProgramError } from '../program/program-error.ts';
import { formatDuration } from '../program/settings/quantities.ts';
import type { Plan } from './plan.ts';
import type { Server } from './server.ts';
import type { Telling } from './telling.ts';

const pausesBetweenLooks = 14;

/** A resumed server is out of its pause within milliseconds; but what it does then may not be visible for as long as this. */
const limitMs = 5000;
const lookEveryMs = 20;

/** SQLSTATE object_not_in_prerequisite_state: recovery ends already. */
const endsAlready = '55000';

/** Whether replay is paused; false where the server cannot be asked, for then nobody could pause it either. */
export const isPaused = async (server: Server): Promise<boolean> =>
  (await server.value('select pg_is_in_recovery() and pg_is_wal_replay_paused()')) === 'true';

/**
 * Resumes a paused replay, and says so. False where it was resumed and not seen to go on, which is warned of: what has
 * arrived during the pause may then be left behind. `replay-paused` where smart would leave it behind for certain.
 */
export async function resumeReplay(
  { wish, asksServer }: Plan,
  server: Server,
  stop: AbortSignal,
  telling: Telling,
): Promise<boolean> {
  if (!(await isPaused(server))) return true;
  const isOf14 = (majorVersion(server.dataDirectory) ?? pausesBetweenLooks) >= pausesBetweenLooks;
  const answer = await server.perform('select pg_wal_replay_resume()');
  if (answer === endsAlready) return true;
  if (answer !== 'done') {
    if (wish === 'smart' && asksServer && isOf14) throw staysPaused(server);
    await telling.note({ message: 'replay is paused and could not be resumed', detail: server.lastFault });
    return true;
  }
  await telling.note({ message: 'replay was paused; it goes on' });
  if (!asksServer || !isOf14 || (await goesOn(server, stop))) return true;
  await telling.warn({
    message: `replay was resumed, and has not been seen to go on within ${formatDuration(limitMs)}`,
    detail: 'The promotion may come before PostgreSQL has looked for what has arrived during the pause.',
  });
  return false;
}

/** Waits until the startup process is seen elsewhere than in its pause: it has replayed, waits for something, or is done. */
async function goesOn(server: Server, stop: AbortSignal): Promise<boolean> {
  // Only now: before it was resumed, replay may have moved and have been paused after that.
  const position = (await server.value('select pg_last_wal_replay_lsn()::text')) ?? 'FFFFFFFF/FFFFFFFF';
  const isOn =
    `select not pg_is_in_recovery() or pg_last_wal_replay_lsn() > '${position}' or exists (` +
    "select from pg_stat_activity where backend_type = 'startup' and wait_event <> 'RecoveryPause')";
  const until = performance.now() + limitMs;
  while ((await server.value(isOn)) !== 'true') {
    if (performance.now() > until || !server.isAlive()) return false;
    stop.throwIfAborted();
    await sleep(lookEveryMs);
  }
  return true;
}

function staysPaused({ lastFault }: Server): ProgramError {
  return new ProgramError('replay-paused', 'will not promote: replay is paused and could not be resumed', {
    detail: `${lastFault === undefined ? '' : `${lastFault}. `}A promotion would leave behind what has arrived during the pause.`,
    hint: 'As a superuser: select pg_wal_replay_resume(); then run triggerStandby again.',
  });
}
