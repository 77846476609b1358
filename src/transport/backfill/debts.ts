// What a destination did not get is owed to it: on record before archive_command succeeds, with a copy kept where the
// other ones might be gone by the time it is paid.
import type { Report } from '../../program/print-error.ts';
import type { Destination } from '../../program/settings/settings.ts';
import type { WalFileName } from '../../wal/filename.ts';
import { noteMoved, notePlace } from '../destination-place.ts';
import { Ledger, type LedgerPlace } from '../ledger.ts';
import { hold } from './held-copies.ts';
import type { OwingNode } from './owing-node.ts';

const placeOf = ({ identity }: OwingNode): LedgerPlace => ({
  ...identity,
  segmentSize: identity.facts().segmentSize,
});

export const ledgerOf = (destination: string, node: OwingNode): Ledger =>
  new Ledger(destination, placeOf(node));

/** Where the debts are those of a destination that was elsewhere when they were made: a warning, once. */
export const movedSince = (destination: Destination, node: OwingNode): Report | undefined =>
  noteMoved(destination, placeOf(node), node.identity.dryRun === true);

/** A debt is of the place where the destination is now. */
function record(name: string, destination: string, node: OwingNode): void {
  const configured = node.settings.destinations.find((each) => each.name === destination);
  if (configured !== undefined) notePlace(configured, placeOf(node));
  ledgerOf(destination, node).owe(name);
}

/** Records that a destination lacks the gap record of this name. */
export const oweGap = (destination: string, name: string, node: OwingNode): void =>
  record(`${name}.gap`, destination, node);

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
  record(name.name, destination, node);
  if (isHeld || name.kind !== 'segment') await hold(name.name, source, destination, node, signal);
}
