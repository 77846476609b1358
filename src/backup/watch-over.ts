// A backup ends with its session: once that is lost nobody needs the rest of the copy.
import { ProgramError } from '../program/program-error.ts';
import type { BackupSession } from './session.ts';

const everyMs = 250;

/** Aborts with the reason of `stop`, or where the connection to the server is lost. end() stops watching. */
export function watchOver(session: BackupSession, stop: AbortSignal): { signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const timer = setInterval(() => {
    if (session.isOpen()) return;
    clearInterval(timer);
    controller.abort(
      new ProgramError('server-died', 'the connection to the server was lost: its backup has ended', {
        hint: 'The copy is unusable as it is; call again once the server runs, and it goes on from what is there.',
      }),
    );
  }, everyMs);
  timer.unref();
  return { signal: AbortSignal.any([stop, controller.signal]), end: () => clearInterval(timer) };
}
