// How far an archive may be pruned at this moment, by its registry of consumers: who they are is read from the archive,
// with the histories of the timelines they are on; what follows is needs.ts.
import { ProgramError } from '../../program/program-error.ts';
import type { Consumer } from '../../transport/consumer-record.ts';
import type { RemovalRoad } from '../../transport/open-for-removal.ts';
import { parseHistory, type HistoryEntry } from '../../wal/history.ts';
import { limitOf, type Holder, type Lines } from './needs.ts';
import { readRestartPoint, type RestartPoint, type Stretch } from './prunable.ts';
import type { PrunePlan } from './prune-archive.ts';

/** A consumer with what it holds. */
export interface RegisteredHolder extends Consumer, Holder {}

export interface Limits {
  of: (stretch: Stretch) => { to: bigint; holder: RegisteredHolder | undefined };
  lines: Lines;
  holders: readonly RegisteredHolder[];
}

type Ancestors = readonly HistoryEntry[] | undefined;

/** A consumer with its place in this cluster's numbering; an `unsafe-state` error where it has none there. */
export function holderOf(consumer: Consumer, segmentSize: number): RegisteredHolder {
  const { id, oldest } = consumer;
  if (oldest === undefined) return { ...consumer, position: undefined };
  const position = readRestartPoint(oldest, segmentSize);
  if (position !== undefined && position !== 'none') return { ...consumer, position };
  throw new ProgramError(
    'unsafe-state',
    `the consumer ${id} needs ${oldest}, which is no segment of this cluster`,
    {
      detail: `Its segments have ${segmentSize} bytes. Nothing is pruned.`,
      hint: `If it reads this archive by mistake: twowarm consumers remove ${id}`,
    },
  );
}

/** A history that is missing or damaged is one that is not known: then more stays. */
async function readAncestors(
  road: RemovalRoad,
  timeline: number,
  size: number,
  signal: AbortSignal,
): Promise<Ancestors> {
  const text = await road.history(timeline, signal);
  const history = text === undefined ? undefined : parseHistory(text, timeline, size);
  return history !== undefined && 'entries' in history ? history.entries : undefined;
}

/** The ancestors of some timelines: as the plan knows them, else as the archive does. */
export async function readLines(
  road: RemovalRoad,
  { lines, segmentSize }: Pick<PrunePlan, 'lines' | 'segmentSize'>,
  timelines: readonly number[],
  signal: AbortSignal,
): Promise<Lines> {
  const known = new Map<number, Ancestors>(lines);
  for (const timeline of timelines) {
    if (!known.has(timeline)) known.set(timeline, await readAncestors(road, timeline, segmentSize, signal));
  }
  return { segmentSize, ancestorsOf: (timeline) => known.get(timeline) };
}

/** The limits as they are now; `changed` is applied to what the registry says. Throws where that cannot be known. */
export async function readLimits(
  road: RemovalRoad,
  plan: Pick<PrunePlan, 'lines' | 'segmentSize' | 'stretches'>,
  signal: AbortSignal,
  changed: (consumers: Consumer[]) => Consumer[] = (consumers) => consumers,
): Promise<Limits> {
  const consumers = changed(await road.consumers(signal));
  const holders = consumers.map((consumer) => holderOf(consumer, plan.segmentSize));
  const positions = holders.flatMap(({ position }): RestartPoint[] => (position ? [position] : []));
  const timelines = [...positions, ...plan.stretches].map(({ timeline }) => timeline);
  const lines = await readLines(road, plan, timelines, signal);
  return { lines, holders, of: (stretch) => limitOf(stretch, holders, lines) };
}
