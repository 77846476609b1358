// One bounded pass: what is in the own archive now goes to every destination that is not known to have it. A destination
// that fails, or refuses a file, does not keep the others from having theirs.
import type { ThisNode } from '../postgres/this-node.ts';
import { readSuspension } from '../program/destination-notes.ts';
import { ProgramError } from '../program/program-error.ts';
import type { Destination } from '../program/settings/settings.ts';
import { isInDebt, ledgersOf } from '../transport/ledger.ts';
import type { ReadTransport } from '../transport/transport.ts';
import { isOlderThan, listArrivals, openOwnArchive } from './arrivals.ts';
import type { Carried } from './carry.ts';
import { Carrier } from './carrier.ts';
import type { Listener } from './listener.ts';
import { registerRelay } from './cursor.ts';
import { destinationsIfAny, noDestination } from './destinations.ts';
import { noting } from './noting.ts';
import type { Role } from '../postgres/node-role.ts';

/** What became of one destination. */
export interface Visit {
  name: string;
  url: string;
  carried: number;
  /** Not carried, because the destination failed or is suspended. */
  left: number;
  /** ISO 8601. */
  suspendedSince?: string;
}

export interface PassResult {
  visits: Visit[];
  /** In the order in which they came: of files, and one of a destination that failed. */
  faults: unknown[];
}

/** What is said while the pass goes on. */
export interface PassTelling {
  carried(key: string, carrier: Carrier, carried: Carried): void;
  warn(message: string, detail?: string): void;
}

/** Runs the pass; throws where there is a destination, but no archive to begin with. */
export async function relayPass(
  node: ThisNode,
  role: Role,
  telling: PassTelling,
  stop: AbortSignal,
): Promise<PassResult> {
  const nothing: PassResult = { visits: [], faults: [] };
  // On the first timeline nothing has ever arrived from elsewhere.
  if (!role.relays && role.timeline <= 1) return nothing;
  const destinations = await destinationsIfAny(node, stop);
  if (destinations.length === 0 && !owesAnything(node)) return nothing;
  if (destinations.length === 0) throw noDestination(node);
  const found = await look(node, role, stop);
  if (found === undefined) return nothing;
  const { source, keys } = found;
  try {
    const wanted = role.relays ? keys : keys.filter((key) => isOlderThan(role.timeline, key));
    if (!role.relays && wanted.length === 0) return nothing;
    return await carryAll(node, source, wanted, destinations, telling, stop);
  } finally {
    await source.close();
  }
}

/** Also to a destination that is not configured any more. */
const owesAnything = ({ identity: { stateDirectory } }: ThisNode): boolean =>
  ledgersOf(stateDirectory).some((name) => isInDebt(stateDirectory, name));

/** The own archive and what is in it; undefined on a primary that has none. */
async function look(
  node: ThisNode,
  role: Role,
  stop: AbortSignal,
): Promise<{ source: ReadTransport; keys: string[] } | undefined> {
  try {
    const source = await openOwnArchive(node, stop);
    return { source, keys: await listArrivals(source, node, stop) };
  } catch (error) {
    const isAbsent = error instanceof ProgramError && error.kind === 'directory-missing';
    if (!role.relays && isAbsent) return undefined;
    throw error;
  }
}

const wordsOf = (fault: unknown): string => (fault instanceof Error ? fault.message : String(fault));

/** Counts and collects what happens, for the result. */
function listenerOf(
  keys: readonly string[],
  telling: PassTelling,
  { visits, faults }: { visits: Map<Carrier, Visit>; faults: unknown[] },
): Listener {
  return {
    carried: (carrier, key, carried) => {
      visits.get(carrier)!.carried++;
      telling.carried(key, carrier, carried);
    },
    answered: () => undefined,
    refused: (_carrier, _key, fault) => void faults.push(fault),
    failed: (_carrier, fault) => void faults.push(fault),
    forgotten: (carrier, report) => {
      if (report !== undefined) telling.warn(report.message, report.detail);
      carrier.offer(keys);
    },
    lacking: (_carrier, { message, detail, hint }) =>
      telling.warn(message, [detail, hint].filter((part) => part !== undefined).join(' ')),
    unrecorded: (_carrier, fault) => telling.warn(wordsOf(fault), 'What was carried will be sent again.'),
  };
}

/** Holds a carrier whose destination is suspended, or of which that is not known. */
function heedSuspension(
  carrier: Carrier,
  { settings }: ThisNode,
  faults: unknown[],
): Pick<Visit, 'suspendedSince'> {
  try {
    const since = readSuspension(settings.home, carrier.destination.name)?.since;
    carrier.suspend(since !== undefined);
    return since === undefined ? {} : { suspendedSince: since };
  } catch (fault) {
    carrier.suspend(true);
    faults.push(fault);
    return {};
  }
}

async function carryAll(
  node: ThisNode,
  source: ReadTransport,
  keys: readonly string[],
  destinations: readonly Destination[],
  telling: PassTelling,
  stop: AbortSignal,
): Promise<PassResult> {
  const kept = { visits: new Map<Carrier, Visit>(), faults: [] as unknown[] };
  const listener = noting(node, listenerOf(keys, telling, kept));
  const carriers = destinations.map(
    (destination) => new Carrier(destination, node, () => source, listener, stop),
  );
  for (const carrier of carriers) {
    const { name, url } = carrier.destination;
    kept.visits.set(carrier, {
      name,
      url,
      carried: 0,
      left: 0,
      ...heedSuspension(carrier, node, kept.faults),
    });
  }
  // What is lacking has to stay here, but where that cannot be put on record it is carried all the same.
  const register = async (): Promise<void> => {
    const lacking = carriers.flatMap((carrier) => carrier.lacking());
    await registerRelay(source, lacking, keys, node, stop).catch((fault: unknown) =>
      telling.warn(wordsOf(fault)),
    );
  };
  for (const carrier of carriers) carrier.offer(keys);
  await register();
  const { claim } = await source.ownership(stop);
  await Promise.all(carriers.map((carrier) => carrier.lookAgain(claim?.epoch ?? 0)));
  await Promise.all(carriers.map((carrier) => carrier.close()));
  stop.throwIfAborted();
  for (const carrier of carriers) kept.visits.get(carrier)!.left = carrier.waiting;
  await register();
  return { visits: [...kept.visits.values()], faults: kept.faults };
}
