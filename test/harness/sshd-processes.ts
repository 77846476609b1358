// The processes of a test's sshd: the listener, one or two for each connection, and the programs that they run. sshd
// leaves its directory and rewrites its command line, so they are found by parentage and by a variable of their session.
import { readdirSync, readFileSync } from 'node:fs';

/** sshd gives it to every program of a session (SetEnv), so that one whose sshd has died is still found. */
export const sessionMark = 'TWOWARM_TEST_SSHD';

const LIMIT_MS = 10_000;

interface Seen {
  pid: number;
  parent: number;
  /** As in proc(5): 'Z' has ended. */
  state: string;
}

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined; // Processes come and go while /proc is read.
  }
}

function allProcesses(): Seen[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      const stat = quietly(() => readFileSync(`/proc/${entry}/stat`, 'latin1'));
      if (stat === undefined) return [];
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [{ pid: Number(entry), parent: Number(parent), state: state! }];
    });
}

function hasMark(pid: number, mark: string): boolean {
  const environment = quietly(() => readFileSync(`/proc/${pid}/environ`, 'latin1')) ?? '';
  return environment.split('\0').includes(`${sessionMark}=${mark}`);
}

/** Living processes of connections: descendants of the listener, and programs that bear the mark of its sessions. */
export function connectionProcesses(listener: number, mark: string): number[] {
  const living = allProcesses().filter(({ state }) => state !== 'Z');
  const kin = new Set([listener]);
  for (let before = 0; before !== kin.size;) {
    before = kin.size;
    for (const { pid, parent } of living) if (kin.has(parent)) kin.add(pid);
  }
  kin.delete(listener);
  for (const { pid } of living) if (hasMark(pid, mark)) kin.add(pid);
  return [...kin];
}

/** Sends a signal to one that may be gone. */
export function signal(pid: number, name: NodeJS.Signals): void {
  quietly(() => process.kill(pid, name));
}

/** Ends every connection with all that it runs, then the listener. Blocks the event loop, so that it works at exit. */
export function killSshd(listener: number, mark: string): void {
  const deadline = Date.now() + LIMIT_MS;
  // Stopped it takes no further connection, and its children keep their parent.
  signal(listener, 'SIGSTOP');
  for (;;) {
    const left = connectionProcesses(listener, mark);
    if (left.length === 0) break;
    if (Date.now() > deadline) throw new Error(`could not end the connections of sshd: ${left.join(', ')}`);
    for (const pid of left) signal(pid, 'SIGKILL');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  }
  signal(listener, 'SIGKILL');
}
