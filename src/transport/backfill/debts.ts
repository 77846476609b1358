// What a destination did not get is owed to it: on record before archive_command succeeds, with a copy kept where the
// other ones might be gone by the time it is paid.
import type { WalFileName } from '../../wal/filename.ts';
import { Ledger } from '../ledger.ts';
import { hold } from './held-copies.ts';
import type { OwingNode } from './owing-node.ts';

export const ledgerOf = (destination: string, { identity }: OwingNode): Ledger =>
  new Ledger(destination, { ...identity, segmentSize: identity.facts().segmentSize });

/** Records that a destination lacks the gap record of this name. */
export const oweGap = (destination: string, name: string, node: OwingNode): void =>
  ledgerOf(destination, node).owe(`${name}.gap`);

/**
 * Records that a destination lacks the file. With `isHeld` a copy is kept on this node; of what is not a segment always:
 * it is small, or, like the last partial segment of a timeline, may be of other content elsewhere.
 */
export async function owe(
  name: WalFileName,
  source: string,
  destination: string,
  isHeld: boolean,
  node: OwingNode,
  signal: AbortSignal,
): Promise<void> {
  // The debt first: a copy alone becomes one only when somebody looks for what to pay.
  ledgerOf(destination, node).owe(name.name);
  if (isHeld || name.kind !== 'segment') await hold(name.name, source, destination, node, signal);
}
