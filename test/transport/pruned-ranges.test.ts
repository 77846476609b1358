// Ranges of pruned segments, against plain sets of numbers: nothing is forgotten, nothing is added, and the list stays short.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { addRange, covering, type PrunedRange } from '../../src/transport/pruned-ranges.ts';
import { segmentNumber } from '../../src/wal/segment.ts';
import { parseWalFileName, segmentName } from '../../src/wal/filename.ts';

const size = 1024 * 1024 * 1024;
const named = (number: number, timeline = 1): string => segmentName(timeline, BigInt(number), size);

function range(
  from: number,
  to: number,
  minute = 0,
  changes: Partial<PrunedRange> & { timeline?: number } = {},
) {
  const { timeline = 1, ...rest } = changes;
  const at = new Date(Date.UTC(2026, 0, 2, 3, minute)).toISOString();
  const ends = { first: named(from, timeline), last: named(to, timeline) };
  return { ...ends, since: at, at, node: 'n1', name: 'db2', restart: named(to + 1, timeline), ...rest };
}

const numbersIn = (ranges: readonly PrunedRange[]): Set<string> => {
  const all = new Set<string>();
  for (const { first, last } of ranges) {
    const [a, b] = [first, last].map(
      (name) => parseWalFileName(name) as { timeline: number; log: number; low: number },
    );
    for (let number = segmentNumber(a!, size)!; number <= segmentNumber(b!, size)!; number++)
      all.add(`${a!.timeline}/${number}`);
  }
  return all;
};

describe('a range', () => {
  it('that continues the last one of its node and day becomes one with it', () => {
    const before = [range(1, 3, 0)];
    expect(addRange(before, range(4, 6, 5), size)).toEqual([
      { ...range(1, 6, 5), since: '2026-01-02T03:00:00.000Z' },
    ]);
  });

  it('of another node, or after a hole, stands by itself', () => {
    const other = range(4, 6, 5, { node: 'n2', name: 'db3' });
    expect(addRange([range(1, 3)], other, size)).toEqual([range(1, 3), other]);
    expect(addRange([range(1, 3)], range(5, 6, 5), size)).toEqual([range(1, 3), range(5, 6, 5)]);
  });

  it('that is on record changes nothing, whoever did it, also as a part of several', () => {
    const before = [range(1, 3), range(4, 6, 0, { node: 'n2' })];
    expect(addRange(before, range(2, 5, 9, { node: 'n3' }), size)).toBe(before);
  });

  it('of another timeline is no part of the others', () => {
    const other = range(4, 6, 0, { timeline: 2 });
    expect(addRange([range(1, 9)], other, size)).toEqual([range(1, 9), other]);
  });

  it('is found by its segments', () => {
    const all = [range(1, 3), range(5, 6), range(2, 2, 0, { timeline: 2 })];
    expect([1, 3, 4, 5, 7].map((number) => covering(all, named(number))?.first)).toEqual(
      [1, 1, undefined, 5, undefined].map((first) => (first === undefined ? undefined : named(first))),
    );
    expect(covering(all, named(3, 2))).toBeUndefined();
  });

  it('is neither forgotten nor made larger, however many there are, in whatever order', () => {
    const any = fc.tuple(fc.nat(200), fc.nat(9), fc.integer({ min: 1, max: 2 }), fc.nat(2), fc.nat(2000));
    fc.assert(
      fc.property(fc.array(any, { maxLength: 60 }), (shapes) => {
        let ranges: PrunedRange[] = [];
        const expected = new Set<string>();
        for (const [from, length, timeline, node, minute] of shapes) {
          ranges = addRange(ranges, range(from, from + length, minute, { timeline, node: `n${node}` }), size);
          for (let number = from; number <= from + length; number++) expected.add(`${timeline}/${number}`);
        }
        expect(numbersIn(ranges)).toEqual(expected);
      }),
    );
  });

  it('of ten years, one a day, is one of a short list', () => {
    let ranges: PrunedRange[] = [];
    for (let day = 0; day < 3650; day++)
      ranges = addRange(ranges, range(day * 2, day * 2 + 1, day * 1440), size);
    expect(ranges.length).toBe(64);
    expect(numbersIn(ranges).size).toBe(7300);
    expect(ranges.at(-1)).toEqual(range(7298, 7299, 3649 * 1440));
    expect(ranges[0]).toMatchObject({ first: named(0), since: '2026-01-02T03:00:00.000Z' });
  });
});
