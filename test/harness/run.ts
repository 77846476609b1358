// Runs a program the way PostgreSQL would: as the server's user, without a terminal, with an environment that holds
// nothing but what is asked for (`env -i`). A program's failure is a result, not an exception.
import { spawn, type ChildProcess } from 'node:child_process';

import { atExit } from './cleanup.ts';
import { runsAsRoot, serverUser } from './server-user.ts';

export interface RunOptions {
  /** Default `/`: the test's own working directory may be closed to the server user. */
  cwd?: string;
  /** The whole environment; only PATH=/usr/bin:/bin is added when it has no PATH. */
  env?: NodeJS.ProcessEnv;
  /** Default 'server'. */
  user?: 'server' | 'self';
  input?: string | Uint8Array;
  /** Default 60 000. What outlives it is killed with its whole process group, and the call rejects. */
  timeoutMs?: number;
  /** Hears of what it prints on standard output, as it comes. */
  onOutput?: (text: string) => void;
}

export interface RunResult {
  /** Null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  ms: number;
}

export interface RunningProgram {
  readonly pid: number;
  /** Sends a signal to the program alone. */
  kill(signal: NodeJS.Signals): void;
  /** Settles when the program has ended and its output is closed. */
  readonly result: Promise<RunResult>;
}

/** Runs a program to its end. Rejects only if it could not be started or did not end in time. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return startProgram(command, args, options).result;
}

/** Runs a command line by `sh -c`, which is what PostgreSQL does with archive_command and restore_command. */
export async function shell(commandLine: string, options: RunOptions = {}): Promise<RunResult> {
  return run('/bin/sh', ['-c', commandLine], options);
}

/** Starts a program and does not wait for it: for those that wait themselves. */
export function startProgram(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): RunningProgram {
  const { cwd = '/', env = {}, user = 'server', input = '', timeoutMs = 60_000, onOutput } = options;
  const { uid, gid } = serverUser();
  const startedMs = performance.now();
  const child = spawn(command, args, {
    cwd,
    env: { PATH: '/usr/bin:/bin', ...env },
    // A group of its own, so that a time-out also reaches what it started.
    detached: true,
    ...(user === 'server' && runsAsRoot() ? { uid, gid } : {}),
  });
  const forget = atExit(() => killGroup(child));
  child.stdin.on('error', () => undefined); // It need not read its input.
  child.stdin.end(input);
  if (onOutput !== undefined) child.stdout.on('data', (bytes: Buffer) => onOutput(bytes.toString()));
  const result = collect(child, `${command} ${args.join(' ')}`, timeoutMs, startedMs).finally(forget);
  // Whoever started a program to signal it may never look at the result.
  result.catch(() => undefined);
  return { pid: child.pid ?? -1, kill: (signal) => void child.kill(signal), result };
}

function collect(
  child: ChildProcess,
  what: string,
  timeoutMs: number,
  startedMs: number,
): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout?.on('data', (bytes: Buffer) => stdout.push(bytes));
    child.stderr?.on('data', (bytes: Buffer) => stderr.push(bytes));
    const output = () => `${Buffer.concat(stdout).toString()}${Buffer.concat(stderr).toString()}`;
    const timer = setTimeout(() => {
      killGroup(child);
      reject(new Error(`did not end within ${timeoutMs} ms: ${what}\n${output()}`));
    }, timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(new Error(`could not run ${what}: ${error.message}`, { cause: error }));
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({
        code,
        signal,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
        ms: performance.now() - startedMs,
      });
    });
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The group is empty.
  }
}
