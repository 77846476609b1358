// A line: a timeline together with its ancestors, each up to the point where the next one left it. Says what of a
// segment belongs to a line. Pure; which line is followed, and from where its history comes, is decided elsewhere.
import type { HistoryEntry } from './history.ts';
import { segmentStart } from './segment.ts';

export interface Line {
  timeline: number;
  /** The ancestors, oldest first; empty for timeline 1. */
  ancestors: readonly HistoryEntry[];
}

/** Where a timeline was left. */
type Fork = Pick<HistoryEntry, 'timeline' | 'switchLsn'>;

/** The ancestors of one of the line's timelines, oldest first; undefined where it is none of them. */
export function ancestorsOf<F extends Fork>(
  line: { timeline: number; ancestors: readonly F[] },
  timeline: number,
): readonly F[] | undefined {
  if (timeline === line.timeline) return line.ancestors;
  const index = line.ancestors.findIndex((entry) => entry.timeline === timeline);
  return index === -1 ? undefined : line.ancestors.slice(0, index);
}

/** Whether both name the same timelines, each left at the same LSN; what PostgreSQL says for people does not count. */
export const areSameAncestors = (left: readonly Fork[], right: readonly Fork[]): boolean =>
  left.length === right.length &&
  left.every(
    ({ timeline, switchLsn }, at) => timeline === right[at]!.timeline && switchLsn === right[at]!.switchLsn,
  );

/** LSNs between which a timeline counts on a line: the first byte, and the first byte that no longer does. */
function rangeOn(line: Line, timeline: number): { from: bigint; to: bigint | undefined } | undefined {
  const ancestors = ancestorsOf(line, timeline);
  if (ancestors === undefined) return undefined;
  return { from: ancestors.at(-1)?.switchLsn ?? 0n, to: line.ancestors[ancestors.length]?.switchLsn };
}

/**
 * What of a timeline's segment belongs to the line: all of it, nothing because it lies past the point where the line
 * left that timeline, or so many bytes from its start. `elsewhere`: the timeline is none of the line's.
 */
export function belongsTo(
  line: Line,
  timeline: number,
  segmentNumber: bigint,
  segmentSize: number,
): 'whole' | 'past' | 'elsewhere' | number {
  const range = rangeOn(line, timeline);
  if (range === undefined) return 'elsewhere';
  const start = segmentStart(segmentNumber, segmentSize);
  if (range.to === undefined || range.to >= start + BigInt(segmentSize)) return 'whole';
  return range.to <= start ? 'past' : Number(range.to - start);
}

/** The timelines of the line that can hold bytes of a segment, newest first: the order in which PostgreSQL asks. */
export function timelinesOf(line: Line, segmentNumber: bigint, segmentSize: number): number[] {
  const start = segmentStart(segmentNumber, segmentSize);
  const end = start + BigInt(segmentSize);
  return [...line.ancestors.map(({ timeline }) => timeline), line.timeline]
    .filter((timeline) => {
      const { from, to } = rangeOn(line, timeline)!;
      return from < end && (to === undefined || to > start);
    })
    .reverse();
}
