// Every destination gets the file, all at the same time, each within its own time limit. One that fails does not keep
// the others from having it. What then becomes of the call is decided by the policies (policies/), loaded only then.
import type { ThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import type { Voice } from '../program/command.ts';
import { isNotedLacking, isUsual, noteReached } from '../program/destination-notes.ts';
import type { Destination, Settings } from '../program/settings/settings.ts';
import { namingFile } from '../transport/archive-faults.ts';
import { inspectAs, type Inspection } from '../transport/inspection.ts';
import { isInDebt } from '../transport/ledger.ts';
import { openDestination, openToLook, type Storing } from '../transport/open.ts';
import { withRetry } from '../transport/retry.ts';
import type { Identity, PutOutcome, Transport } from '../transport/transport.ts';
import type { WalFileName } from '../wal/filename.ts';
import { asFaultOf, isOwn, refusalOf } from './own-destination.ts';
import type { Attempt } from './policies/attempts.ts';
import { heldNames } from '../transport/backfill/held-directory.ts';

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
  open: typeof openDestination = openDestination,
): Promise<T> {
  const once = async (signal: AbortSignal): Promise<T> => {
    const road = withRetry(await open(destination.url, node.identity, destination, signal));
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

async function openForDryRun(
  url: string,
  identity: Identity,
  storing?: Storing,
  signal?: AbortSignal,
): Promise<Transport> {
  const { dryRun } = await import('../transport/dry-run.ts');
  return dryRun(await openToLook(url, identity, signal, storing?.mayLack));
}

/** One try: what a destination is owed of histories first, then the file. A fault is part of the answer. */
async function tryAt(
  { name, source, dryRun }: Shipment,
  destination: Destination,
  inspection: Inspection,
  limitMs: number,
  node: ThisNode,
  voice: Voice,
  stop: AbortSignal,
): Promise<Attempt> {
  const isOwed = !dryRun && isInDebt(node.identity.stateDirectory, destination.name);
  const put = async (road: Transport, signal: AbortSignal): Promise<PutOutcome> => {
    if (!dryRun && mayTellLacks(road, destination, node)) await sayLacks(road, destination, node, voice);
    if (isOwed) await (await payments()).payHistories(road, destination, node, voice, signal);
    return road.put(name.name, source, inspection.of, signal);
  };
  const startedAt = performance.now();
  const within = { ...destination, timeLimitMs: limitMs };
  const ahead = { name: name.name, source, inspectOf: inspection.of };
  const open: typeof openDestination = dryRun
    ? openForDryRun
    : (url, identity, storing, signal) => openDestination(url, identity, storing, signal, ahead);
  const answer = await atDestination(within, node, `store ${name.name}`, stop, put, open).then(
    (outcome) => ({ outcome }),
    (fault: unknown) => ({ fault }),
  );
  const tookMs = performance.now() - startedAt;
  return { destination, ...answer, tookMs, isWhole: limitMs >= destination.timeLimitMs };
}

/** Most roads lack nothing, and did not before: then nothing is loaded for it. */
const mayTellLacks = ({ promises }: Transport, { name, mayLack }: Destination, node: ThisNode): boolean =>
  mayLack.length > 0 &&
  (!promises.exclusive || !promises.durable || isNotedLacking(node.settings.home, name));

/** Says once what the road lacks. */
async function sayLacks(
  road: Transport,
  destination: Destination,
  node: ThisNode,
  voice: Voice,
): Promise<void> {
  const { tellLacks } = await import('../transport/tell-lacks.ts');
  const report = tellLacks(road, destination, node.settings.home);
  if (report !== undefined) await voice.report('WARNING', report);
}

const payments = () => import('./policies/pay-debts.ts');

/**
 * Stores the file where the policies of the destinations want it: at each that is required or at a fallback that may
 * stand in for it. Throws the first fault that keeps it from there, after reporting the others.
 */
export async function storeEverywhere(
  shipment: Shipment,
  destinations: readonly Destination[],
  node: ThisNode,
  voice: Voice,
  stop: AbortSignal,
): Promise<void> {
  const { settings, identity } = node;
  const { name } = shipment.name;
  const inspections: Inspection[] = [];
  const attempt = (destination: Destination, limitMs: number): Promise<Attempt> => {
    const inspection = inspectAs(shipment.name, node.cluster, refusalOf(name));
    inspections.push(inspection);
    return tryAt(shipment, destination, inspection, limitMs, node, voice, stop);
  };
  const isQuiet = destinations.every((each) => isOwn(each) || isUsual(settings.home, each.name));
  const asked = isQuiet ? destinations.filter(({ policy }) => policy !== 'fallback') : [];
  let done = await Promise.all(asked.map((destination) => attempt(destination, destination.timeLimitMs)));
  if (!isQuiet || done.some(({ outcome }) => outcome === undefined)) {
    const { storeByPolicy } = await import('./policies/store-by-policy.ts');
    const order = { ...shipment, destinations, node, voice, stop };
    const made = done;
    done = await storeByPolicy(order, made, attempt).catch(async (error: unknown) => {
      // The call fails, but who has the file is told all the same.
      if (!stop.aborted) await tellAll(shipment, made, voice);
      throw error;
    });
  }
  const warning = inspections.map((inspection) => inspection.warning()).find((each) => each !== undefined);
  if (warning !== undefined)
    await voice.report('WARNING', { message: warning, hint: 'Is there a newer twowarm?' });
  await tellAll(shipment, done, voice);
  if (shipment.dryRun) return;
  const answering = done.map(({ destination }) => destination).filter((each) => !isOwn(each));
  noteAll(answering, name, settings);
  const isIndebted = (each: Destination): boolean =>
    isInDebt(identity.stateDirectory, each.name) || heldNames(settings.home, each.name).length > 0;
  const indebted = answering.filter(isIndebted);
  if (indebted.length > 0) await (await payments()).payDebts(indebted, node, voice, stop);
}

/** With one destination PostgreSQL's own pg_stat_archiver says the same. */
function noteAll(answering: readonly Destination[], file: string, { home, destinations }: Settings): void {
  if (destinations.length < 2) return;
  const at = new Date().toISOString();
  for (const { name } of answering) noteReached(home, name, { at, file });
}

async function tellAll(shipment: Shipment, made: readonly Attempt[], voice: Voice): Promise<void> {
  for (const { destination, outcome } of made)
    if (outcome !== undefined) await tell(shipment, destination, outcome, voice);
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
