// One triggerStandby at a time: <home>/state/trigger.lock names the process that is at work.
import type { ThisNode } from '../postgres/this-node.ts';
import { holderOf, isHolder, takeProcessLock, type Holder } from '../program/process-lock.ts';
import { ProgramError } from '../program/program-error.ts';
import { triggerLockOf } from '../program/trigger-lock.ts';

function refuse({ pid }: Holder): never {
  throw new ProgramError('busy', `another triggerStandby is at work: process ${pid}`, {
    hint: 'Wait for it, and look at what it says. If it hangs, end it and run this one again: nothing is lost by that.',
  });
}

/** Takes the turn and returns what ends it; `busy` while another call has it. `lookOnly` takes nothing. */
export function takeTurn({ identity }: ThisNode, lookOnly: boolean): () => void {
  const path = triggerLockOf(identity.stateDirectory);
  const taken = lookOnly ? holderOf(path) : takeProcessLock(path, identity.nodeId);
  if (taken === undefined) return () => undefined;
  if (isHolder(taken)) return refuse(taken);
  return () => taken.release();
}
