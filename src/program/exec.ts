// The one door to child processes: a program with its arguments as an array, never through a shell. What it writes is
// kept up to a limit; it ends with the signal it was given.
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { ProgramError } from './program-error.ts';

export interface ExecOptions {
  /** Ends the program and what it started: SIGTERM to its process group, then SIGKILL after 800 ms. */
  signal: AbortSignal;
  /** The whole environment; nothing of ours is handed down beside it. */
  environment: Readonly<Record<string, string>>;
  workingDirectory?: string;
  /** Written to its standard input, which is empty by default. */
  input?: string | Uint8Array;
  /** How much of each output is kept, in bytes; the rest is read and forgotten. Default 1 MB. */
  mostOutputBytes?: number;
  /** Reads its standard output, of which nothing is kept then. It is waited for; what it throws ends the program and is thrown. */
  read?: (output: Readable) => Promise<void>;
}

export interface Executed {
  /** Null where a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Shorter than what a caller past its limit waits for us (bounded.ts). */
const patienceMs = 800;

/** A PATH that has the system's programs also where PostgreSQL was started without one. */
export const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What a program of the system needs of our environment, and its messages in the language that we read. */
export function plainEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const { HOME, USER, LOGNAME, PATH, SSH_AUTH_SOCK, TZ } = environment;
  const kept = { HOME, USER, LOGNAME, SSH_AUTH_SOCK, TZ };
  const present = Object.entries(kept).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(present), PATH: PATH ? `${PATH}:${systemPath}` : systemPath, LC_ALL: 'C' };
}

/**
 * Runs the program to its end, whatever its exit code. Throws the reason of the signal once the program is gone, and
 * `program-missing` where there is no such program or it cannot be started.
 */
export function exec(program: string, words: readonly string[], options: ExecOptions): Promise<Executed> {
  const { signal, environment, workingDirectory, input = '', mostOutputBytes = 1024 * 1024, read } = options;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    // A process group of its own: what it has started, such as the ssh of an rsync, ends with it.
    const child = spawn(program, [...words], { cwd: workingDirectory, env: environment, detached: true });
    const [stdout, stderr] = [new Kept(mostOutputBytes), new Kept(mostOutputBytes)];
    child.stderr.on('data', (bytes: Buffer) => stderr.add(bytes));
    // It may end without having read everything; its exit code says so.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    let killing: NodeJS.Timeout | undefined;
    const onAbort = (): void => {
      endGroup(child.pid, 'SIGTERM');
      killing = setTimeout(() => endGroup(child.pid, 'SIGKILL'), patienceMs);
    };
    const reading = read === undefined ? keep(child.stdout, stdout) : readBy(read, child.stdout, onAbort);
    signal.addEventListener('abort', onAbort, { once: true });
    // What it has started may have left its group, as the ssh of a jump host that is shared does, and hold its output open.
    let leaving: NodeJS.Timeout | undefined;
    const letGo = (): void => {
      // Who reads its output reads all of it, at their own pace.
      const kept = read === undefined ? [child.stdout] : [];
      for (const stream of [child.stdin, child.stderr, ...kept]) stream.destroy();
    };
    // What it has written itself is in the pipes, and read before an immediate.
    child.once('exit', () => (leaving = setTimeout(() => setImmediate(letGo), patienceMs)));
    const settle = (): void => {
      clearTimeout(killing);
      clearTimeout(leaving);
      signal.removeEventListener('abort', onAbort);
    };
    child.once('error', (cause) => {
      settle();
      reject(cannotStart(program, cause));
    });
    child.once('close', (code, endedBy) => {
      settle();
      void reading.then((fault) => {
        if (signal.aborted) reject(signal.reason as Error);
        else if (fault !== undefined) reject(fault.error);
        else resolve({ code, signal: endedBy, stdout: stdout.text(), stderr: stderr.text() });
      });
    });
  });
}

/** The program and what it has started. */
function endGroup(pid: number | undefined, which: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, which);
  } catch {
    // It is gone.
  }
}

type Fault = { error: Error } | undefined;

async function keep(output: Readable, kept: Kept): Promise<Fault> {
  output.on('data', (bytes: Buffer) => kept.add(bytes));
  return undefined;
}

/** `giveUp` ends the program, of which nobody reads any more. */
const readBy = (
  read: (output: Readable) => Promise<void>,
  output: Readable,
  giveUp: () => void,
): Promise<Fault> =>
  read(output).then(
    () => undefined,
    (error: Error) => {
      output.destroy();
      giveUp();
      return { error };
    },
  );

const cannotStart = (program: string, cause: Error): ProgramError =>
  (cause as NodeJS.ErrnoException).code === 'ENOENT'
    ? new ProgramError('program-missing', `cannot run ${program}: there is no such program`, { cause })
    : new ProgramError('program-missing', `could not run ${program}: ${cause.message}`, { cause });

class Kept {
  private readonly pieces: Buffer[] = [];
  private left: number;

  constructor(mostBytes: number) {
    this.left = mostBytes;
  }

  add(bytes: Buffer): void {
    const kept = bytes.subarray(0, this.left);
    this.left -= kept.length;
    if (kept.length > 0) this.pieces.push(kept);
  }

  text(): string {
    return Buffer.concat(this.pieces).toString('utf8');
  }
}
