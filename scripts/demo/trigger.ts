// The promotion, as a person does it: triggerStandby on the standby, while somebody keeps trying to write there. And the
// restore_command that waits meanwhile, found among the processes.
import { readFileSync } from 'node:fs';

import type { Cluster } from '../../test/harness/cluster.ts';
import { program } from '../../test/harness/installation.ts';
import { processesIn } from '../../test/harness/processes.ts';
import { run } from '../../test/harness/run.ts';
import { waitFor } from '../../test/harness/wait-for.ts';
import { say } from './narrator.ts';

export interface WaitingCall {
  pid: number;
  /** The segment that it waits for. */
  name: string;
  seconds: number;
}

/** The call of restoreWALFile that the standby is waiting for, once it has waited for a second. */
export async function findWaitingCall(standby: Cluster): Promise<WaitingCall> {
  return waitFor('the standby to wait for a segment', () => {
    const call = processesIn(standby.dataDirectory).find(({ command }) =>
      command.includes('restoreWALFile.cjs'),
    );
    const name = /\b[0-9A-F]{24}\b/.exec(call?.command ?? '')?.[0];
    if (call === undefined || name === undefined) return undefined;
    const seconds = ageOf(call.pid);
    return seconds < 1 ? undefined : { pid: call.pid, name, seconds };
  });
}

/** Seconds since a process began: field 22 of proc(5)'s stat is in hundredths since boot. */
function ageOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const began = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]) / 100;
  return Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) - began;
}

/** Runs `triggerStandby smart`; the seconds from its start to the first row that somebody could commit. */
export async function trigger(standby: Cluster): Promise<number> {
  const startedMs = performance.now();
  const call = run(program('triggerStandby'), ['smart'], { cwd: standby.dataDirectory });
  const firstWrite = writeUntilItWorks(standby, startedMs);
  const { code, stdout, stderr } = await call;
  say(`${stdout}${stderr}`.trimEnd());
  if (code !== 0) throw new Error(`triggerStandby ended with ${code}`);
  return firstWrite;
}

async function writeUntilItWorks(standby: Cluster, startedMs: number): Promise<number> {
  await waitFor(
    'the first write on the new primary',
    () => standby.query("insert into after_trigger values ('written')").then(() => true),
    { everyMs: 10, limitMs: 60_000 },
  );
  return (performance.now() - startedMs) / 1000;
}
