// One archive pruned: the stretches that a plan names as far as no consumer needs them, oldest segments first, from where
// the last call ended. The names are computed; the archive is listed only where nothing is known of a timeline, or after a
// long row of absent names.
import type { ThisNode } from '../../postgres/this-node.ts';
import type { RemovalRoad } from '../../transport/open-for-removal.ts';
import { segmentName } from '../../wal/filename.ts';
import type { HistoryEntry } from '../../wal/history.ts';
import { readLimits, type Limits, type RegisteredHolder } from './limits.ts';
import { presentIn, type Stretch } from './prunable.ts';
import { readCursor, writeCursor, type Cursor } from './prune-cursor.ts';

/** What may go for the sake of one restart point. */
export interface PrunePlan {
  /** As it was given. */
  restartFile: string;
  stretches: readonly Stretch[];
  segmentSize: number;
  /** What the history of the restart point's timeline tells of its line: the ancestors of each. */
  lines: ReadonlyMap<number, readonly HistoryEntry[]>;
}

/** How much one call may do; what is left is for the next one. */
export interface Bound {
  segments: number;
  ms: number;
}

/** The names that were removed, or would be: how many, and the first and last of them in order of removal. */
export interface Pruned {
  segments: number;
  first: string | null;
  last: string | null;
  /** The consumers that keep the next ones of the plan. */
  keptFor: readonly RegisteredHolder[];
}

/** So many segments are put on record, and the registry is read again, before the next ones go. */
const perRecord = 1024;

/** So many absent names in a row are a hole; a listing says where it ends. */
const hole = 256;

/** Where pruning begins; undefined: where that is has to be looked for. */
export function beginning({ timeline, from }: Stretch, cursor: Cursor): bigint | undefined {
  const known = cursor.get(timeline);
  if (known === undefined || from === undefined) return known ?? from;
  return known > from ? known : from;
}

/** One pruning of one archive, while it lasts. */
interface Work {
  road: RemovalRoad;
  plan: PrunePlan;
  node: ThisNode;
  cursor: Cursor;
  pruned: Pruned;
  keptFor: Map<string, RegisteredHolder>;
  /** Lists the archive at most once, and only when asked. */
  list: () => Promise<string[]>;
  limits: () => Promise<Limits>;
  bound: Bound;
  isSpent: () => boolean;
  signal: AbortSignal;
}

/**
 * Removes what the plan names and nobody needs, within the bound, and moves the cursor behind it, also when a removal
 * fails. Throws before anything goes where it cannot be known who needs what.
 */
export async function pruneArchive(
  road: RemovalRoad,
  plan: PrunePlan,
  node: ThisNode,
  bound: Bound,
  signal: AbortSignal,
  cursor: Cursor = readCursor(road, plan.segmentSize, node.identity),
): Promise<Pruned> {
  const before = new Map(cursor);
  const pruned = { segments: 0, first: null, last: null, keptFor: [] };
  let names: Promise<string[]> | undefined;
  const work: Work = {
    ...{ road, plan, node, cursor, pruned, bound, signal, keptFor: new Map() },
    list: () => (names ??= road.list(signal)),
    limits: () => readLimits(road, plan, signal),
    isSpent: spending(bound, pruned),
  };
  try {
    for (const stretch of plan.stretches) await pruneStretch(stretch, work);
  } finally {
    if ([...cursor].some(([timeline, number]) => before.get(timeline) !== number))
      writeCursor(road, plan.segmentSize, cursor, node.identity);
  }
  return { ...work.pruned, keptFor: [...work.keptFor.values()] };
}

function spending(bound: Bound, pruned: Pruned): () => boolean {
  const startedAt = performance.now();
  return () => pruned.segments >= bound.segments || performance.now() - startedAt >= bound.ms;
}

const presentFrom = async (from: bigint, stretch: Stretch, { list, plan }: Work): Promise<bigint> =>
  presentIn(await list(), stretch, from, plan.segmentSize)[0] ?? stretch.to;

async function pruneStretch(stretch: Stretch, work: Work): Promise<void> {
  const { timeline } = stretch;
  const { cursor, isSpent, keptFor } = work;
  if (isSpent()) return;
  let next = beginning(stretch, cursor) ?? (await presentFrom(0n, stretch, work));
  for (;;) {
    // Never back: a restart point that is older than the last one has nothing to remove.
    if (next > (cursor.get(timeline) ?? -1n)) cursor.set(timeline, next);
    if (next >= stretch.to || isSpent()) return;
    const { to, holder } = (await work.limits()).of(stretch);
    if (holder !== undefined) keptFor.set(holder.id, holder);
    if (next >= to) return;
    next = await removeSome(next, to, stretch, work);
  }
}

/** Puts some segments on record and removes them; the number to go on with. */
async function removeSome(from: bigint, to: bigint, stretch: Stretch, work: Work): Promise<bigint> {
  const { timeline } = stretch;
  const { cursor, isSpent } = work;
  const end = from + BigInt(Math.min(perRecord, work.bound.segments - work.pruned.segments));
  const last = end < to ? end : to;
  await putOnRecord(timeline, from, last, work);
  let absent = 0;
  let next = from;
  while (next < last && !isSpent()) {
    absent = (await removeOne(timeline, next, work)) ? 0 : absent + 1;
    next += 1n;
    cursor.set(timeline, next);
    if (absent === hole) return presentFrom(next, stretch, work);
  }
  return next;
}

async function putOnRecord(timeline: number, from: bigint, to: bigint, work: Work): Promise<void> {
  const { road, plan, node, signal } = work;
  const nameOf = (number: bigint): string => segmentName(timeline, number, plan.segmentSize);
  const at = new Date().toISOString();
  const range = {
    ...{ first: nameOf(from), last: nameOf(to - 1n), since: at, at },
    ...{ node: node.identity.nodeId, name: node.settings.nodeName, restart: plan.restartFile },
  };
  await road.recordPruned(range, plan.segmentSize, signal);
}

async function removeOne(timeline: number, number: bigint, work: Work): Promise<boolean> {
  const name = segmentName(timeline, number, work.plan.segmentSize);
  if ((await work.road.remove(name, work.signal)) === 'missing') return false;
  work.pruned.segments += 1;
  work.pruned.first ??= name;
  work.pruned.last = name;
  return true;
}

/** A pruning for the log, once there is something to tell. */
export const prunedFields = ({ segments, first, last }: Omit<Pruned, 'keptFor'>) => ({
  segments,
  first: first ?? '',
  last: last ?? '',
});
