// Who pays a destination just now: <home>/state/ledger/<destination>/paying.lock. It only saves double work, for paying
// is safe to do twice at once; so it is tried and never waited for by a call that PostgreSQL waits for.
import { join } from 'node:path';
import { takeProcessLock, type Holder, type ProcessLock } from '../../program/process-lock.ts';
import type { OwingNode } from './owing-node.ts';

/** The lock, or who has it. Only where there is a ledger, as there is once anything is owed. */
export const lockPaying = (destination: string, { identity }: OwingNode): ProcessLock | Holder =>
  takeProcessLock(
    join(identity.stateDirectory, 'ledger', destination, 'paying.lock'),
    identity.nodeId,
    'paying',
  );
