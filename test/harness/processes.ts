// Processes by the directory they belong to, read from /proc: servers detach themselves and start programs of their
// own, so their parent says nothing. Knows nothing about PostgreSQL but how it likes to be ended.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface FoundProcess {
  pid: number;
  command: string;
}

const POLITE_MS = 3_000;
const LIMIT_MS = 15_000;

/** Processes that work in this directory or name it in their command line, ourselves and our ancestors excepted. */
export function processesIn(directory: string): FoundProcess[] {
  const kin = ancestors();
  const found: FoundProcess[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || kin.has(pid)) continue;
    const command = quietly(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim());
    const workingIn = quietly(() => readlinkSync(`/proc/${pid}/cwd`));
    if (workingIn === directory || workingIn.startsWith(`${directory}/`) || command.includes(directory)) {
      found.push({
        pid,
        command: command || quietly(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim()),
      });
    }
  }
  return found;
}

/**
 * Ends them: politely first, then by SIGKILL; returns when none is left. Blocks the event loop meanwhile, because it
 * also has to work while the process exits.
 */
export function endProcessesIn(directory: string): void {
  const started = Date.now();
  const asked = new Set<number>();
  for (;;) {
    const left = processesIn(directory);
    if (left.length === 0) return;
    const elapsed = Date.now() - started;
    if (elapsed > LIMIT_MS) throw new Error(`could not end ${JSON.stringify(left)}`);
    for (const found of left) {
      if (elapsed > POLITE_MS) kill(found.pid, 'SIGKILL');
      else if (!asked.has(found.pid)) askToEnd(found.pid);
      asked.add(found.pid);
    }
    pause(20);
  }
}

/** SIGQUIT is PostgreSQL's immediate shutdown, after which it leaves no shared memory behind. */
function askToEnd(pid: number): void {
  const name = quietly(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
  kill(pid, name === 'postgres' ? 'SIGQUIT' : 'SIGTERM');
  // A test may have stopped it.
  kill(pid, 'SIGCONT');
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already, which is what we wanted.
  }
}

function ancestors(): Set<number> {
  const found = new Set<number>();
  for (let pid = process.pid; pid > 1 && !found.has(pid);) {
    found.add(pid);
    pid = Number(
      /^PPid:\s*(\d+)/m.exec(quietly(() => readFileSync(`/proc/${pid}/status`, 'utf8')))?.[1] ?? 0,
    );
  }
  return found;
}

/** Processes come and go while /proc is read. */
function quietly(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
