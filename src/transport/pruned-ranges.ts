// Ranges of pruned segments, put together so that years of pruning stay a short list. Pure.
import { nextSegmentName } from '../wal/segment.ts';

/** Segments of one timeline that were removed on purpose. */
export interface PrunedRange {
  /** The names of the first and the last. */
  first: string;
  last: string;
  /** When removing them began and when it was done last: ISO 8601, UTC. */
  since: string;
  at: string;
  /** The id and the name of the node that did it last, and the restart point that made it do so. */
  node: string;
  name: string;
  restart: string;
}

/** More ranges than this are made fewer, at the price of when exactly each went. */
const longest = 64;

/** Whether a range begins no later than one segment past the end of another: between them nothing is left. */
function touches(before: PrunedRange, range: PrunedRange, segmentSize: number): boolean {
  return range.first <= (nextSegmentName(before.last, segmentSize) ?? before.last);
}

const latest = (a: string, b: string): string => (a > b ? a : b);

function joined(before: PrunedRange, range: PrunedRange): PrunedRange {
  const later = range.at >= before.at ? range : before;
  const since = before.since < range.since ? before.since : range.since;
  return { ...later, first: before.first, last: latest(before.last, range.last), since };
}

/** What of a range is in none of the others, from its first such segment on; undefined when all of it is. */
function uncovered(
  ranges: readonly PrunedRange[],
  range: PrunedRange,
  segmentSize: number,
): PrunedRange | undefined {
  let { first } = range;
  for (const known of ranges) {
    if (known.first > first || known.last < first) continue;
    if (known.last >= range.last) return undefined;
    first = nextSegmentName(known.last, segmentSize) ?? first;
  }
  return { ...range, first };
}

const isOneDay = (a: PrunedRange, b: PrunedRange): boolean =>
  a.node === b.node && a.since.slice(0, 10) === b.at.slice(0, 10);

/** The ranges, joined with the next one where `may` says so. */
function join(
  ranges: readonly PrunedRange[],
  segmentSize: number,
  may: (a: PrunedRange, b: PrunedRange, count: number) => boolean,
): PrunedRange[] {
  const all = [...ranges];
  for (let index = 0; index + 1 < all.length;) {
    const [a, b] = [all[index]!, all[index + 1]!];
    const isOneTimeline = a.first.slice(0, 8) === b.first.slice(0, 8);
    if (isOneTimeline && touches(a, b, segmentSize) && may(a, b, all.length))
      all.splice(index, 2, joined(a, b));
    else index++;
  }
  return all;
}

/** The ranges with one more, in order; the very same array when they have all of it. What a node did within a day is one. */
export function addRange(ranges: PrunedRange[], range: PrunedRange, segmentSize: number): PrunedRange[] {
  const added = uncovered(ranges, range, segmentSize);
  if (added === undefined) return ranges;
  const all = [...ranges, added].sort((a, b) => (a.first < b.first ? -1 : 1));
  const days = join(all, segmentSize, isOneDay);
  return join(days, segmentSize, (_a, _b, count) => count > longest);
}

/** The range that has a segment. */
export const covering = (ranges: readonly PrunedRange[], name: string): PrunedRange | undefined =>
  ranges.find(({ first, last }) => first <= name && name <= last);
