// One copy into a directory at a time: a lock in it names the process that is at work there.
import { join } from 'node:path';
import {
  holderOf,
  isHolder,
  takeProcessLock,
  type Holder,
  type ProcessLock,
} from '../../program/process-lock.ts';
import { ProgramError } from '../../program/program-error.ts';
import { lockName } from './own-names.ts';

const busy = (directory: string, { pid }: Holder): ProgramError =>
  new ProgramError('busy', `cannot copy into ${directory}: another copy into it is at work, process ${pid}`, {
    hint: 'Wait for it: one whose line was cut ends by itself within two minutes. If it hangs, end it and run this one again: it goes on from what is there.',
  });

/** `busy` while another process copies into this directory. */
export function refuseHeld(directory: string): void {
  const holder = holderOf(join(directory, lockName));
  if (holder !== undefined) throw busy(directory, holder);
}

/** The lock of a directory that is there; `busy` while another copy has it. */
export function takeLock(directory: string, nodeId: string): ProcessLock {
  const taken = takeProcessLock(join(directory, lockName), nodeId);
  if (isHolder(taken)) throw busy(directory, taken);
  return taken;
}
