// One archive pruned: the stretches that a plan names, oldest segments first, from where the last call ended. The names
// are computed; the archive is listed only where nothing is known of a timeline, or after a long row of absent names.
import type { ThisNode } from '../../postgres/this-node.ts';
import type { RemovalRoad } from '../../transport/open-for-removal.ts';
import { segmentName } from '../../wal/filename.ts';
import { presentIn, type Stretch } from './prunable.ts';
import { readCursor, writeCursor, type Cursor } from './prune-cursor.ts';

/** What may go. */
export interface PrunePlan {
  stretches: readonly Stretch[];
  segmentSize: number;
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
}

/** So many absent names in a row are a hole; a listing says where it ends. */
const hole = 256;

/** Where to begin; undefined: where that is has to be looked for. */
function beginning({ timeline, from }: Stretch, cursor: Cursor): bigint | undefined {
  const known = cursor.get(timeline);
  if (known === undefined || from === undefined) return known ?? from;
  return known > from ? known : from;
}

/** The segments that a plan would have removed, as the archive stands, by name. */
export async function findPrunable(
  road: RemovalRoad,
  { stretches, segmentSize }: PrunePlan,
  cursor: Cursor,
  signal: AbortSignal,
): Promise<string[]> {
  const names = await road.list(signal);
  return stretches.flatMap((stretch) =>
    presentIn(names, stretch, beginning(stretch, cursor) ?? 0n, segmentSize).map((number) =>
      segmentName(stretch.timeline, number, segmentSize),
    ),
  );
}

/** One pruning of one archive, while it lasts. */
interface Work {
  road: RemovalRoad;
  segmentSize: number;
  cursor: Cursor;
  pruned: Pruned;
  /** Lists the archive at most once, and only when asked. */
  list: () => Promise<string[]>;
  isSpent: () => boolean;
  signal: AbortSignal;
}

/** Removes what the plan names, within the bound, and moves the cursor behind it, also when a removal fails. */
export async function pruneArchive(
  road: RemovalRoad,
  plan: PrunePlan,
  node: ThisNode,
  bound: Bound,
  signal: AbortSignal,
  cursor: Cursor = readCursor(road, plan.segmentSize, node.identity),
): Promise<Pruned> {
  const { segmentSize } = plan;
  const pruned: Pruned = { segments: 0, first: null, last: null };
  const before = new Map(cursor);
  let names: Promise<string[]> | undefined;
  const list = (): Promise<string[]> => (names ??= road.list(signal));
  const work = { road, segmentSize, cursor, pruned, list, isSpent: spending(bound, pruned), signal };
  try {
    for (const stretch of plan.stretches) await pruneStretch(stretch, work);
  } finally {
    if ([...cursor].some(([timeline, number]) => before.get(timeline) !== number))
      writeCursor(road, segmentSize, cursor, node.identity);
  }
  return pruned;
}

function spending(bound: Bound, pruned: Pruned): () => boolean {
  const startedAt = performance.now();
  return () => pruned.segments >= bound.segments || performance.now() - startedAt >= bound.ms;
}

async function pruneStretch(stretch: Stretch, work: Work): Promise<void> {
  const { timeline, to } = stretch;
  const { cursor, isSpent } = work;
  if (isSpent()) return;
  const present = async (from: bigint): Promise<bigint> =>
    presentIn(await work.list(), stretch, from, work.segmentSize)[0] ?? to;
  let next = beginning(stretch, cursor) ?? (await present(0n));
  // Never back: a restart point that is older than the last one has nothing to remove.
  const advance = (): unknown =>
    next > (cursor.get(timeline) ?? -1n) ? cursor.set(timeline, next) : undefined;
  let absent = 0;
  for (advance(); next < to && !isSpent(); advance()) {
    absent = (await removeOne(timeline, next, work)) ? 0 : absent + 1;
    next += 1n;
    if (absent === hole) {
      next = await present(next);
      absent = 0;
    }
  }
}

async function removeOne(timeline: number, number: bigint, work: Work): Promise<boolean> {
  const name = segmentName(timeline, number, work.segmentSize);
  if ((await work.road.remove(name, work.signal)) === 'missing') return false;
  work.pruned.segments += 1;
  work.pruned.first ??= name;
  work.pruned.last = name;
  return true;
}

/** A pruning for the log, once there is something to tell. */
export const prunedFields = ({ segments, first, last }: Pruned) => ({
  segments,
  first: first ?? '',
  last: last ?? '',
});
