// A restore_command that waits, started the way PostgreSQL does: how soon it ends when it should, and what it costs while
// it does not.
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { startProgram, type RunningProgram } from '../test/harness/run.ts';
import { waitFor } from '../test/harness/wait-for.ts';

export interface Waiting {
  program: RunningProgram;
  /** The process that waits: a child of the shell. */
  pid: number;
}

/** Whether the process has a watch. */
function watches(pid: number): boolean {
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`) === 'anon_inode:inotify';
    } catch {
      return false;
    }
  });
}

const childOf = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ')[0]);

/** Starts a command line in a data directory and waits until it waits. */
export async function startWaiting(cwd: string, line: string): Promise<Waiting> {
  rmSync(`${cwd}/pg_wal/RECOVERYXLOG`, { force: true });
  const program = startProgram('/bin/sh', ['-c', line], { cwd, timeoutMs: 300_000 });
  const pid = await waitFor('the command to wait', () => {
    const child = childOf(program.pid);
    return child > 0 && watches(child) ? child : undefined;
  });
  await pause(300);
  return { program, pid };
}

/** From `act` to the end of the process, in ms. */
export async function timeToEnd({ program }: Waiting, act: () => void): Promise<number> {
  const startedMs = performance.now();
  act();
  await program.result;
  return performance.now() - startedMs;
}

/** Processor time of all threads so far, in ms (/proc/<pid>/task, schedstat). */
function processorMs(pid: number): number {
  const nanoseconds = readdirSync(`/proc/${pid}/task`).map((task) =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]),
  );
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
}

/** What a waiting process uses within `seconds`, and its largest resident set. */
export async function costOfWaiting(
  { pid }: Waiting,
  seconds: number,
): Promise<{ percent: number; mib: number }> {
  const before = processorMs(pid);
  await pause(seconds * 1000);
  const used = processorMs(pid) - before;
  const peakKb = Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]);
  return { percent: used / (seconds * 10), mib: peakKb / 1024 };
}
