// Kills a program at the entry of one system call, before the call has any effect, and proves that it was this call.
//
// strace's injection counts calls by thread (`when=N`), and the main thread and libuv's make calls of the same name.
// Where the N-th call of that name is the wanted one in whichever thread comes first, strace sends the signal itself.
// Where the other thread comes first, strace holds the N-th call of both, and we kill the program in the right one.
import { setTimeout as sleep } from 'node:timers/promises';

import type { NodeFixture } from '../harness/node-fixture.ts';
import { changesFiles, trace, words, type Call, type Traced } from './strace.ts';

/**
 * How long a call is held: to be seen and killed in it. Each held call that is not the one costs as much, so a longer
 * time, for a busy machine, is for later attempts.
 */
const heldMs = (attempt: number): number => 100 * 2 ** Math.min(2, Math.ceil(attempt / 2));

/** Wakes of libuv's threads and files that Node opens for itself: how many there are is not the same in each run. */
const varies = (name: string): boolean => name === 'write' || name === 'openat';

/** As much of a node as a trace needs. */
type Traceable = Pick<NodeFixture, 'sandbox' | 'dataDirectory'>;

/** The program was killed, or ended, somewhere else: nothing can be concluded from it. */
export class Missed extends Error {}

/** All calls of a whole run, which has to succeed. */
export async function callsOf(node: Traceable, commandLine: string): Promise<Call[]> {
  const traced = trace(node, commandLine);
  const { code, stderr } = await traced.program.result;
  if (code !== 0) throw new Error(`the run to be traced failed: ${stderr}`);
  return traced.calls();
}

/**
 * Runs the command line and kills it in the change number `index` of a run whose calls were `calls`. Throws Missed
 * unless it died of SIGKILL, in that call, after exactly the changes before. Node opens its own files and wakes its
 * threads not always equally often, so the wanted call may be a neighbour of the N-th: later attempts hold those, too.
 */
export async function killAt(
  node: Traceable,
  commandLine: string,
  calls: readonly Call[],
  index: number,
  attempt: number,
): Promise<void> {
  const changes = calls.filter(changesFiles);
  const wanted = changes[index]!;
  const { name, nth } = wanted;
  const isAlone = !calls.some((call) => comesFirst(call, wanted));
  const around = varies(name) ? 4 * attempt : Math.max(0, 2 * attempt - 2);
  const when = around === 0 ? `${nth}` : `${Math.max(1, nth - around)}..${nth + around}`;
  const hold = `${name}:delay_enter=${heldMs(attempt) * 1000}:when=${when}`;
  const traced =
    isAlone && attempt === 0
      ? trace(node, commandLine, { inject: `${name}:signal=SIGKILL:when=${nth}` })
      : await killWhileHeld(trace(node, commandLine, { inject: hold }), index);
  const { code, signal } = await traced.program.result;
  if (signal !== 'SIGKILL' && code !== 137) throw new Missed(`it ended by itself: ${code} ${signal}`);
  const made = traced.calls().filter(changesFiles);
  const expected = changes.slice(0, index + 1);
  if (made.map(words).join() !== expected.map(words).join() || made.at(-1)?.left !== undefined) {
    throw new Missed(`it died after ${made.length} changes, and not in number ${expected.length}`);
  }
}

/** Whether strace, counting by thread, would take this call for the wanted one. */
function comesFirst(call: Call, wanted: Call): boolean {
  const looksTheSame = call.name === wanted.name && call.nth === wanted.nth;
  return looksTheSame && call.thread !== wanted.thread && call.entered < wanted.entered;
}

/** Waits until the account has the wanted number of changes, of which the last one is being held, and kills. */
async function killWhileHeld(traced: Traced, index: number): Promise<Traced> {
  let hasEnded = false;
  const ended = (): void => void (hasEnded = true);
  traced.program.result.then(ended, ended);
  while (!hasEnded && traced.calls().filter(changesFiles).length <= index) await sleep(3);
  const pid = traced.pid();
  if (hasEnded || pid === undefined) throw new Missed('it ended before it was killed');
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    throw new Missed('it ended before it was killed');
  }
  return traced;
}

/** Does something for each number below `count`, a few at a time: each is a strace and a program. */
export async function inParallel(
  count: number,
  work: (index: number) => Promise<void>,
  atOnce = 4,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
