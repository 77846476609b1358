// A restore_command that waits, started the way PostgreSQL does: how soon it ends when it should, and what it costs while
// it does not.
import { readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { startProgram, type RunningProgram } from '../test/harness/run.ts';
import { waitFor } from '../test/harness/wait-for.ts';

export interface Waiting {
  program: RunningProgram;
  /** The process that waits; the shell and the launcher have become it. */
  pid: number;
}

/** Both watches stand: on the directory of the source (inotify) and on the small files. */
function watchesOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`) === 'anon_inode:inotify';
    } catch {
      return false;
    }
  }).length;
}

/** Starts a command line in a data directory and waits until it waits. */
export async function startWaiting(cwd: string, line: string): Promise<Waiting> {
  rmSync(`${cwd}/pg_wal/RECOVERYXLOG`, { force: true });
  const program = startProgram('/bin/sh', ['-c', line], { cwd, timeoutMs: 300_000 });
  await waitFor('the command to wait', () => watchesOf(program.pid) > 0);
  await pause(300);
  return { program, pid: program.pid };
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
): Promise<{ percent: number; mb: number }> {
  const before = processorMs(pid);
  await pause(seconds * 1000);
  const used = processorMs(pid) - before;
  const peakKb = Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]);
  return { percent: used / (seconds * 10), mb: (peakKb * 1024) / 1e6 };
}
