// The processes of a test's sshd: the listener, one or two for each connection, and the programs that they run. sshd
// leaves its directory and rewrites its command line, so they are found by parentage and by a variable of their session.
import { readFileSync } from 'node:fs';

import { allProcesses, quietly } from './process-table.ts';

/** sshd gives it to every program of a session (SetEnv), so that one whose sshd has died is still found. */
export const sessionMark = 'TWOWARM_TEST_SSHD';

const LIMIT_MS = 10_000;

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
