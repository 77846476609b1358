// Which segments a consumer of an archive may still ask for, and so what of a stretch has to stay. Pure. Where it is not
// known how two timelines are related, a consumer is taken to need both.
import type { HistoryEntry } from '../../wal/history.ts';
import { segmentOfLsn } from '../../wal/segment.ts';
import type { RestartPoint, Stretch } from './prunable.ts';

/** A consumer as far as it decides. */
export interface Holder {
  /** Undefined: not known, so that everything has to stay. */
  position: RestartPoint | undefined;
}

/** The ancestors of timelines; undefined where the history of one is not known. */
export interface Lines {
  ancestorsOf: (timeline: number) => readonly HistoryEntry[] | undefined;
  segmentSize: number;
}

/**
 * The number from which on a consumer at that position may ask for segments of a timeline; undefined where it never will.
 * A server reads its own timeline from its restart point on, its ancestors up to the forks, and can turn to a timeline
 * that left its own at or after the place where it stands (rescanLatestTimeLine in xlogrecovery.c).
 */
export function firstNeeded(
  position: RestartPoint | undefined,
  timeline: number,
  { ancestorsOf, segmentSize }: Lines,
): bigint | undefined {
  if (position === undefined) return 0n;
  const { timeline: own, number } = position;
  if (timeline === own) return number;
  const ancestors = ancestorsOf(own);
  const branch = ancestorsOf(timeline);
  const leftIn = (line: readonly HistoryEntry[] | undefined, left: number): bigint | undefined => {
    const entry = line?.find((each) => each.timeline === left);
    return entry === undefined ? undefined : segmentOfLsn(entry.switchLsn, segmentSize);
  };
  // Of an ancestor, what lies before the fork; of a descendant, all, unless it left where the consumer has been already.
  const fork = leftIn(ancestors, timeline) ?? leftIn(branch, own);
  if (fork !== undefined) return number > fork ? undefined : number;
  const begin = ancestors?.at(-1);
  if (begin === undefined || branch === undefined) return number;
  // Neither descends from the other, and the consumer has gone past the beginning of its own: it cannot change over.
  return number > segmentOfLsn(begin.switchLsn, segmentSize) ? undefined : number;
}

/** How far a stretch may go while these consumers need what they need, and the one that holds it back most. */
export function limitOf<H extends Holder>(
  stretch: Stretch,
  holders: readonly H[],
  lines: Lines,
): { to: bigint; holder: H | undefined } {
  let limit: { to: bigint; holder: H | undefined } = { to: stretch.to, holder: undefined };
  for (const holder of holders) {
    const from = firstNeeded(holder.position, stretch.timeline, lines);
    if (from !== undefined && from < limit.to) limit = { to: from, holder };
  }
  return limit;
}

/** The lines of a timeline and of its ancestors, from the one history that tells them. */
export function linesIn(timeline: number, history: readonly HistoryEntry[]): Map<number, HistoryEntry[]> {
  const lines = new Map<number, HistoryEntry[]>([[1, []]]);
  if (history.length === 0) return lines;
  history.forEach((entry, index) => lines.set(entry.timeline, history.slice(0, index)));
  return lines.set(timeline, [...history]);
}
