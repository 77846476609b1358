// One triggerStandby at a time: <home>/state/trigger.lock names the process that is at work. A file of a process that is
// gone counts for nothing.
import { readFileSync, renameSync, unlinkSync } from 'node:fs';
import type { ThisNode } from '../postgres/this-node.ts';
import { errnoOf, fromSystemError, ProgramError } from '../program/program-error.ts';
import { createSmallFile } from '../program/small-file.ts';
import { startOfProcess } from '../program/temporary-name.ts';
import { triggerLockOf } from '../program/trigger-lock.ts';

/** Pid and start time: a number alone may be another process by now. */
const ourselves = (): string => `${process.pid} ${startOfProcess('self') ?? '0'}\n`;

function isAtWork(holder: string): boolean {
  const [pid, start] = holder.trim().split(' ');
  return start !== undefined && startOfProcess(Number(pid)) === start;
}

function readHolder(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fromSystemError(error, `could not read ${path}`);
  }
}

function refuse(holder: string): never {
  throw new ProgramError(
    'busy',
    `another triggerStandby is at work: process ${holder.trim().split(' ')[0]}`,
    {
      hint: 'Wait for it, and look at what it says. If it hangs, end it and run this one again: nothing is lost by that.',
    },
  );
}

/** Takes the turn and returns what ends it; `busy` while another call has it. `lookOnly` takes nothing. */
export function takeTurn({ identity }: ThisNode, lookOnly: boolean): () => void {
  const path = triggerLockOf(identity.stateDirectory);
  for (;;) {
    const holder = readHolder(path);
    if (holder !== undefined && isAtWork(holder)) refuse(holder);
    if (lookOnly) return () => undefined;
    if (holder !== undefined) moveAway(path, holder);
    if (createSmallFile(path, ourselves(), identity.nodeId)) return () => giveUp(path);
  }
}

/** Removes the file of a process that is gone, unless another call did so and took its turn. */
function moveAway(path: string, judged: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw fromSystemError(error, `could not remove ${path}`);
  }
  const moved = readHolder(aside);
  if (moved !== undefined && moved !== judged) {
    renameSync(aside, path);
    refuse(moved);
  }
  unlinkSync(aside);
}

function giveUp(path: string): void {
  try {
    if (readHolder(path) === ourselves()) unlinkSync(path);
  } catch {
    // It names a process that is gone in a moment.
  }
}
