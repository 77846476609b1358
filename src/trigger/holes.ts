// Whether the WAL that is known of has a hole: a segment of the line ahead that no source has, although somebody has that
// one or a later one. Replay cannot pass it. Pure but for the look into pg_wal.
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../program/program-error.ts';
import { parseWalFileName, segmentName } from '../wal/filename.ts';
import { timelinesOf } from '../wal/line.ts';
import { parseLongPageHeader } from '../wal/page-header.ts';
import { segmentNumber, segmentOfLsn, segmentStart } from '../wal/segment.ts';
import type { Ahead } from './line-ahead.ts';
import type { Listed, Place } from './places.ts';

/** What a place has of the line ahead, by number. */
export interface Holding {
  place: Place;
  numbers: ReadonlySet<bigint>;
}

export interface Hole {
  /** The first and the last segment that no source has, and how many there are of them. */
  first: bigint;
  last: bigint;
  count: number;
  /** The newest one that anybody has. */
  top: bigint;
  /** The first of those that a promotion without more replay would lose. */
  firstLost: bigint;
  /** Who is no source and has all of them; and who has some, and how many. */
  holders: Place[];
  partly: { place: Place; count: number }[];
  /** The first place that has a later one than the first missing, and which. */
  later: { place: Place; number: bigint } | undefined;
}

/** The name under which the line has a segment; past a fork the newer timeline's has all of it. */
export const nameOn = ({ line, segmentSize }: Ahead, number: bigint): string =>
  segmentName(timelinesOf(line, number, segmentSize)[0]!, number, segmentSize);

/** In a sorted list the first index that is not before the text. */
function indexOf(text: string, names: readonly string[]): number {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (names[middle]! < text) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Only the names from where the server stands are looked at: an archive may have a hundred thousand older ones. */
function holdingOf(place: Listed, ahead: Ahead): Holding {
  const { line, segmentSize } = ahead;
  const names = place.names ?? [];
  const numbers = new Set<bigint>();
  let first = segmentOfLsn(ahead.from, segmentSize);
  for (const { timeline, switchLsn } of [
    ...line.ancestors,
    { timeline: line.timeline, switchLsn: undefined },
  ]) {
    // The segment of the fork is whole under the newer timeline's name only.
    const end = switchLsn === undefined ? undefined : segmentOfLsn(switchLsn, segmentSize);
    const start = segmentName(timeline, first, segmentSize);
    for (let index = indexOf(start, names); index < names.length; index++) {
      const name = names[index]!;
      if (!name.startsWith(start.slice(0, 8))) break;
      const number = numberOf(name, segmentSize);
      if (end !== undefined && number !== undefined && number >= end) break;
      if (number !== undefined) numbers.add(number);
    }
    if (end !== undefined && end > first) first = end;
  }
  return { place, numbers };
}

function numberOf(name: string, segmentSize: number): bigint | undefined {
  const parsed = parseWalFileName(name);
  return parsed?.kind === 'segment' ? segmentNumber(parsed, segmentSize) : undefined;
}

/** Whether the server has the segment itself, and whole: one that streaming has only begun has no mark yet. */
function isHere(dataDirectory: string, ahead: Ahead, number: bigint): boolean {
  const name = nameOn(ahead, number);
  const directory = join(dataDirectory, 'pg_wal');
  const header = parseLongPageHeader(beginningOf(join(directory, name)));
  if (!('pageAddress' in header) || header.pageAddress !== segmentStart(number, ahead.segmentSize))
    return false;
  if (!ahead.isExact || number > segmentOfLsn(ahead.from, ahead.segmentSize)) return true;
  return ['done', 'ready'].some((mark) => existsSync(join(directory, 'archive_status', `${name}.${mark}`)));
}

function beginningOf(path: string): Uint8Array {
  const bytes = Buffer.alloc(40);
  try {
    const descriptor = openSync(path, 'r');
    try {
      readSync(descriptor, bytes, 0, bytes.length, 0);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
  return bytes;
}

/** The first segment that can be had neither here nor from a source; and the hole, if it is one. */
export function findHole(
  listed: readonly Listed[],
  ahead: Ahead,
  dataDirectory: string,
): { first: bigint; hole: Hole | undefined } {
  const holdings = listed.map((place) => holdingOf(place, ahead));
  const sources = holdings.filter(({ place }) => place.kind === 'source');
  const others = holdings.filter(({ place }) => place.kind !== 'source');
  const isHad = (number: bigint): boolean => sources.some(({ numbers }) => numbers.has(number));
  const here = (number: bigint): boolean => isHere(dataDirectory, ahead, number);
  let firstLost = segmentOfLsn(ahead.from, ahead.segmentSize);
  while (here(firstLost)) firstLost += 1n;
  let first = firstLost;
  while (isHad(first) || here(first)) first += 1n;
  const top = highest(holdings.flatMap(({ numbers }) => [...numbers]));
  if (top === undefined || top < first) return { first, hole: undefined };
  let last = top;
  while (isHad(last)) last -= 1n;
  const had = new Set(sources.flatMap(({ numbers }) => [...numbers].filter((each) => each > first)));
  const count = Number(top - first + 1n) - had.size;
  const partly = others.flatMap(({ place, numbers }) => {
    const some = [...numbers].filter((each) => each >= first && !isHad(each)).length;
    return some === 0 ? [] : [{ place, count: some }];
  });
  const holders = partly.filter((each) => each.count === count).map(({ place }) => place);
  const rest = partly.filter((each) => each.count < count);
  const later = laterThan(first, [...sources, ...others]);
  return { first, hole: { first, last, count, top, firstLost, holders, partly: rest, later } };
}

const highest = (numbers: readonly bigint[]): bigint | undefined =>
  numbers.reduce<bigint | undefined>(
    (most, each) => (most === undefined || each > most ? each : most),
    undefined,
  );

function laterThan(first: bigint, holdings: readonly Holding[]): Hole['later'] {
  for (const { place, numbers } of holdings) {
    const later = [...numbers].filter((each) => each > first);
    if (later.length > 0) return { place, number: later.reduce((one, other) => (other < one ? other : one)) };
  }
  return undefined;
}
