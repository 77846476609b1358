// The end of a process: by an exit code, by the signal that asked for it, or past a system call that never returns.

/** On the process, not in this module: a program is two bundles with a copy of this file each (scripts/build.ts). */
const stuck: unique symbol = Symbol.for('twowarm.stuck');
/** As `bug` in error-kinds.ts. */
const codeOfBug = 70;
const marked = process as typeof process & { [stuck]?: boolean };

/** Says that a system call of ours hangs (a dead NFS server): the usual exit would wait for its thread. */
export function noteHangingCall(): void {
  marked[stuck] = true;
}

/**
 * Says that this process has done enough work for V8 to compile in its own threads. Node 24 can wait for one of them for
 * ever when it exits, and whoever called it waits with it. Seen with calls of more than a second; how often it happens
 * has not been measured.
 */
export const noteLongCall = noteHangingCall;

/**
 * Ends the process with `code`. libuv joins its threads on exit, so a process with a hanging call would never end;
 * execve(2) drops the threads and lets a shell exit for us, with a code that PostgreSQL counts.
 */
export function leave(code: number): never {
  // What is no exit code would end as 0.
  if (!Number.isInteger(code) || code < 0 || code > 255) leave(codeOfBug);
  if (marked[stuck] === true && process.execve !== undefined) {
    process.execve('/bin/sh', ['sh', '-c', `exit ${code}`], {});
  }
  process.exit(code);
}

/** Dies of a signal, as PostgreSQL expects of a command that was told to stop (exit 143 would be counted as failure). */
export function dieOf(signal: NodeJS.Signals): void {
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}
