// Every destination gets the file, all at the same time, each within its own time limit. One that fails does not keep
// the others from having it, but the call fails: PostgreSQL must not remove the segment.
import type { ThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import type { Voice } from '../program/command.ts';
import { describeError } from '../program/print-error.ts';
import type { Destination } from '../program/settings/settings.ts';
import { namingFile } from '../transport/archive-faults.ts';
import { inspectAs, type Inspection } from '../transport/inspection.ts';
import { openDestination, openSource } from '../transport/open.ts';
import { withRetry } from '../transport/retry.ts';
import type { Identity, PutOutcome, Transport } from '../transport/transport.ts';
import type { WalFileName } from '../wal/filename.ts';
import { asFaultOf, isOfTheFile, refusalOf } from './own-destination.ts';

export interface Shipment {
  name: WalFileName;
  /** Absolute path of the file in pg_wal. */
  source: string;
  dryRun: boolean;
}

/** Opens a destination, does one thing with it within its time limit, and closes it. `what` ends in the name of the file. */
export async function atDestination<T>(
  destination: Destination,
  node: ThisNode,
  what: string,
  stop: AbortSignal,
  verb: (road: Transport, signal: AbortSignal) => Promise<T>,
  open: (url: string, identity: Identity) => Promise<Transport> = openDestination,
): Promise<T> {
  const once = async (signal: AbortSignal): Promise<T> => {
    const road = withRetry(await open(destination.url, node.identity));
    try {
      return await verb(road, signal);
    } finally {
      await road.close();
    }
  };
  try {
    return await bounded(`${what} at ${destination.url}`, destination.timeLimitMs, stop, once);
  } catch (error) {
    throw asFaultOf(destination, namingFile(what, error));
  }
}

async function openForDryRun(url: string, identity: Identity): Promise<Transport> {
  const { dryRun } = await import('../transport/dry-run.ts');
  return dryRun(await openSource(url, identity));
}

function store(
  { name, source, dryRun }: Shipment,
  destination: Destination,
  inspection: Inspection,
  node: ThisNode,
  stop: AbortSignal,
): Promise<PutOutcome> {
  const put = (road: Transport, signal: AbortSignal) => road.put(name.name, source, inspection.of, signal);
  const open = dryRun ? openForDryRun : openDestination;
  return atDestination(destination, node, `store ${name.name}`, stop, put, open);
}

/** Stores the file at each of the destinations, or throws the first fault after reporting the others. */
export async function storeEverywhere(
  shipment: Shipment,
  destinations: readonly Destination[],
  node: ThisNode,
  voice: Voice,
  stop: AbortSignal,
): Promise<void> {
  const { name } = shipment.name;
  const inspect = () => inspectAs(shipment.name, node.cluster, refusalOf(name));
  const inspections = destinations.map(inspect);
  const results = await Promise.allSettled(
    destinations.map((destination, index) => store(shipment, destination, inspections[index]!, node, stop)),
  );
  const warning = inspections.map((inspection) => inspection.warning()).find((each) => each !== undefined);
  if (warning !== undefined)
    await voice.report('WARNING', { message: warning, hint: 'Is there a newer twowarm?' });
  for (const [index, result] of results.entries()) {
    if (result.status === 'fulfilled') await tell(shipment, destinations[index]!, result.value, voice);
  }
  const faults = eachOnce(
    results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : [])),
  );
  // Told to stop, every destination fails alike; there is nothing to say about each.
  stop.throwIfAborted();
  for (const fault of faults.slice(1)) await voice.report('ERROR', describeError(fault).report);
  if (faults.length > 0) throw faults[0];
}

/** What is wrong with the file was found at every destination, and is said once. */
function eachOnce(faults: readonly unknown[]): unknown[] {
  const first = faults.find(isOfTheFile);
  return faults.filter((fault) => fault === first || !isOfTheFile(fault));
}

async function tell(
  shipment: Shipment,
  destination: Destination,
  outcome: PutOutcome,
  voice: Voice,
): Promise<void> {
  const { name } = shipment.name;
  if (shipment.dryRun) {
    const would = {
      stored: 'would be stored',
      'already-stored': 'is stored',
      'stored-as-version': 'would be kept as a version',
    };
    return voice.answer(`${name} ${would[outcome]} at ${destination.url}\n`);
  }
  if (outcome === 'stored-as-version') {
    await voice.report('WARNING', {
      message: `${name} exists at ${destination.url} with different content; this one is kept beside it`,
      detail: 'Two promotions of one timeline have each archived their last, partial segment.',
    });
  }
  await voice.event(`archived ${name}`, { file: name, destination: destination.name, outcome });
}
