// A verb with a time limit and an ear for signals. A verb that has begun a system call cannot be stopped; it is asked
// to stop, given a moment, and then left behind.
import { noteHangingCall } from './leave.ts';
import { ProgramError } from './program-error.ts';
import { formatDuration } from './settings/quantities.ts';

/** How long a verb that was asked to stop may take to clean up, in ms. */
const graceMs = 1000;

/** The longest time that setTimeout knows, 24 days; a longer one would be over at once. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Runs `verb`; past `limitMs` it is aborted with a `timed-out` error saying "could not <what>", and when `stop` aborts
 * it ends with that reason. A verb that does not end then is abandoned.
 */
export async function bounded<T>(
  what: string,
  limitMs: number,
  stop: AbortSignal,
  verb: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const abort = (): void => controller.abort(stop.reason);
  const timer = setTimeout(
    () => {
      controller.abort(
        new ProgramError('timed-out', `could not ${what}: no answer within ${formatDuration(limitMs)}`),
      );
    },
    Math.min(limitMs, longestTimerMs),
  );
  if (stop.aborted) abort();
  stop.addEventListener('abort', abort);
  const work = verb(controller.signal);
  try {
    return await Promise.race([work, abandoned(controller.signal, work)]);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', abort);
  }
}

/** Rejects with the reason of the abort once the verb has ended, or after the grace when it does not. */
function abandoned(signal: AbortSignal, work: Promise<unknown>): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = (): void => {
      const giveUp = setTimeout(() => {
        noteHangingCall();
        reject(signal.reason as Error);
      }, graceMs);
      const ended = (): void => {
        clearTimeout(giveUp);
        reject(signal.reason as Error);
      };
      work.then(ended, ended);
    };
    // A signal that has spoken already tells no listener.
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  });
}
