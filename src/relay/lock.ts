// One relay at a time in a home: <home>/state/relay.lock. A pass and a relay that stays exclude each other, too: both
// would carry the same files.
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ThisNode } from '../postgres/this-node.ts';
import { isHolder, takeProcessLock, type Holder, type ProcessLock } from '../program/process-lock.ts';
import { ProgramError } from '../program/program-error.ts';

const pathIn = (stateDirectory: string): string => join(stateDirectory, 'relay.lock');

/** How often one who waits for the end of a pass looks, in ms. */
const lookEveryMs = 200;

/** For one pass: the lock, or who has it. */
export const lockForPass = ({ identity }: ThisNode): ProcessLock | Holder =>
  takeProcessLock(pathIn(identity.stateDirectory), identity.nodeId, 'pass');

/** For a relay that stays: waits for the end of a pass; `busy` where another relay stays already. */
export async function lockToStay({ identity }: ThisNode, stop: AbortSignal): Promise<ProcessLock> {
  for (;;) {
    const taken = takeProcessLock(pathIn(identity.stateDirectory), identity.nodeId, 'relay');
    if (!isHolder(taken)) return taken;
    if (taken.note !== 'pass') throw busy(taken);
    await pause(lookEveryMs, undefined, { signal: stop }).catch(() => stop.throwIfAborted());
  }
}

const busy = ({ pid }: Holder): ProgramError =>
  new ProgramError('busy', `another relay is at work: process ${pid}`, {
    hint: 'One is enough for all destinations. It takes a changed configuration into use by itself.',
  });
