// A set of WAL file names that stays small: consecutive segments of a timeline are one range, whatever their number;
// every other name stands for itself. Names sort as text from oldest to newest: by timeline, a timeline's history file
// before its segments ('.' is less than '0'), then by position.
import { parseWalFileName, segmentName } from './filename.ts';
import { segmentNumber } from './segment.ts';

/** First and last segment number, both in the set. */
type Range = [number, number];

export class NameSet {
  private readonly segmentSize: number;
  /** By timeline, in order, never touching. */
  private readonly ranges = new Map<number, Range[]>();
  private readonly others = new Set<string>();

  constructor(segmentSize: number) {
    this.segmentSize = segmentSize;
  }

  get isEmpty(): boolean {
    return this.others.size === 0 && this.ranges.size === 0;
  }

  has(name: string): boolean {
    const segment = this.asSegment(name);
    if (segment === undefined) return this.others.has(name);
    const ranges = this.ranges.get(segment.timeline) ?? [];
    const next = firstEndingAtOrAfter(ranges, segment.number);
    return next < ranges.length && ranges[next]![0] <= segment.number;
  }

  add(name: string): void {
    const segment = this.asSegment(name);
    if (segment === undefined) this.others.add(name);
    else this.addRange(segment.timeline, [segment.number, segment.number]);
  }

  /** Everything that the other one has, too. */
  addAll(other: NameSet): void {
    for (const [timeline, ranges] of other.ranges) for (const range of ranges) this.addRange(timeline, range);
    for (const name of other.others) this.others.add(name);
  }

  /** One line a name, or '<first>-<last>' for a range, oldest first. */
  toLines(): string[] {
    const lines = [...this.others];
    for (const [timeline, ranges] of this.ranges) {
      const nameOf = (number: number) => segmentName(timeline, BigInt(number), this.segmentSize);
      for (const [first, last] of ranges)
        lines.push(first === last ? nameOf(first) : `${nameOf(first)}-${nameOf(last)}`);
    }
    return lines.sort();
  }

  /** The set of such lines, or undefined when one of them is neither a name nor a range. */
  static fromLines(lines: readonly string[], segmentSize: number): NameSet | undefined {
    const set = new NameSet(segmentSize);
    return lines.every((line) => set.addLine(line)) ? set : undefined;
  }

  private addLine(line: string): boolean {
    const [first = '', last] = line.split('-');
    if (last === undefined) {
      if (!/^[0-9A-F]{8}[0-9A-Za-z.]+$/.test(first)) return false;
      this.add(first);
      return true;
    }
    const [from, to] = [this.asSegment(first), this.asSegment(last)];
    if (from === undefined || to === undefined) return false;
    if (from.timeline !== to.timeline || from.number >= to.number) return false;
    this.addRange(from.timeline, [from.number, to.number]);
    return true;
  }

  private addRange(timeline: number, [first, last]: Range): void {
    const ranges = this.ranges.get(timeline) ?? [];
    this.ranges.set(timeline, ranges);
    // All that overlap or touch the new one become one with it.
    const from = firstEndingAtOrAfter(ranges, first - 1);
    let to = from;
    while (to < ranges.length && ranges[to]![0] <= last + 1) to++;
    const [lowest, highest] = to > from ? [ranges[from]![0], ranges[to - 1]![1]] : [first, last];
    ranges.splice(from, to - from, [Math.min(first, lowest), Math.max(last, highest)]);
  }

  /** A segment that exists at this size; numbers stay below 2^44, so they are exact. */
  private asSegment(name: string): { timeline: number; number: number } | undefined {
    const file = parseWalFileName(name);
    if (file?.kind !== 'segment') return undefined;
    const number = segmentNumber(file, this.segmentSize);
    return number === undefined ? undefined : { timeline: file.timeline, number: Number(number) };
  }
}

/** The index of the first range that ends at or after `number`; the length when there is none. */
function firstEndingAtOrAfter(ranges: readonly Range[], number: number): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ranges[middle]![1] < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
