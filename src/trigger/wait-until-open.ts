// From the request to the first write: looks every 20 ms, says now and then what takes long, and where it gives up, says
// how things stand. A promotion cannot be taken back; giving up is only our waiting.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ThisNode } from '../postgres/this-node.ts';
import { ProgramError } from '../program/program-error.ts';
import { formatDuration } from '../program/settings/quantities.ts';
import { Progress } from './progress.ts';
import type { Plan } from './plan.ts';
import type { Server } from './server.ts';
import { endOfServerLog } from './server-log.ts';
import type { Telling } from './telling.ts';

const lookEveryMs = 20;
const speakEveryMs = 5000;

/** Returns when a write has gone through, or cannot be tried. `timed-out`, `server-died`, or the reason of `stop`, with how things stand said. */
export async function waitUntilOpen(
  { timeoutMs, stop }: { timeoutMs: number; stop: AbortSignal },
  plan: Plan,
  node: ThisNode,
  server: Server,
  telling: Telling,
): Promise<true | 'untried'> {
  const startedAt = performance.now();
  const progress = new Progress(plan, node, server, stop);
  let spokenAt = startedAt;
  for (;;) {
    const accepts = await server.acceptsWrites();
    if (accepts !== false) return accepts;
    if (!server.isAlive()) throw died(server);
    if (stop.aborted) {
      await telling.warn({ message: 'interrupted while the server is being promoted', ...remains(plan) });
      stop.throwIfAborted();
    }
    const now = performance.now();
    if (now - startedAt >= timeoutMs) throw await timedOut(timeoutMs, plan, progress);
    if (now - spokenAt >= speakEveryMs) {
      spokenAt = now;
      // Not waited for: it looks at sources, and one of them may be what hangs.
      void progress.describe().then(
        (words) => telling.note({ message: words }),
        () => undefined,
      );
    }
    await sleep(lookEveryMs);
  }
}

/** What stays when nobody waits any longer, and how to go on. */
function remains({ triggerFiles, asksServer }: Plan): { detail: string; hint: string } {
  const files = triggerFiles.map((file) => `the trigger file ${file}`);
  const left = [...files, ...(asksServer ? ['the request to the server'] : [])].join(' and ');
  return {
    detail: `The promotion goes on by itself: ${left} remain${triggerFiles.length === 1 && !asksServer ? 's' : ''}.`,
    hint: 'Run triggerStandby again to wait for it and to tidy up.',
  };
}

async function timedOut(timeoutMs: number, plan: Plan, progress: Progress): Promise<ProgramError> {
  const { detail, hint } = remains(plan);
  const message = `the server does not accept writes after ${formatDuration(timeoutMs)}: ${await progress.describe()}`;
  return new ProgramError('timed-out', message, { detail, hint });
}

function died({ dataDirectory }: Server): ProgramError {
  const log = endOfServerLog(dataDirectory);
  return new ProgramError('server-died', 'the server ended while it was being promoted', {
    detail: log === undefined ? undefined : `The end of its log ${log.path}: ${log.lines.join(' | ')}`,
    hint: 'Look into its log for the reason, start it, then run triggerStandby again. What was replayed is kept.',
  });
}
