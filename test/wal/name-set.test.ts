// Sets of WAL file names as ranges: whatever is added, and in whatever order, is what is there.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { segmentName } from '../../src/wal/filename.ts';
import { NameSet } from '../../src/wal/name-set.ts';
import { previousSegmentName, segmentsPerLog } from '../../src/wal/segment.ts';
import { anySize } from './arbitraries.ts';

const megabyte = 1024 * 1024;

const setOf = (names: readonly string[], size = megabyte): NameSet => {
  const set = new NameSet(size);
  for (const name of names) set.add(name);
  return set;
};

/** Names that lie close together around the end of a log, on two timelines, so that ranges meet; and the other kinds. */
const names = anySize.chain((size) => {
  const around = BigInt(segmentsPerLog(size)) - 4n;
  const segment = fc
    .tuple(fc.constantFrom(1, 2), fc.bigInt({ min: 0n, max: 16n }))
    .map(([timeline, at]) => segmentName(timeline, around + at, size));
  const other = segment.chain((name) =>
    fc.constantFrom(`${name}.partial`, `${name}.00000028.backup`, `${name.slice(0, 8)}.history`),
  );
  return fc.record({
    size: fc.constant(size),
    list: fc.array(fc.oneof({ weight: 4, arbitrary: segment }, other), { maxLength: 60 }),
    probe: fc.oneof(segment, other),
  });
});

describe('a set of names', () => {
  it('has what was added and nothing else', () => {
    fc.assert(
      fc.property(names, ({ size, list, probe }) => {
        const set = setOf(list, size);
        expect(list.every((name) => set.has(name))).toBe(true);
        expect(set.has(probe)).toBe(list.includes(probe));
      }),
    );
  });

  it('is the same in whatever order it was filled, and comes back from its lines', () => {
    fc.assert(
      fc.property(names, ({ size, list }) => {
        const lines = setOf(list, size).toLines();
        expect(setOf(list.toReversed(), size).toLines()).toEqual(lines);
        expect(NameSet.fromLines(lines, size)?.toLines()).toEqual(lines);
      }),
    );
  });

  it('joined with another one has what either has', () => {
    fc.assert(
      fc.property(names, fc.nat(60), ({ size, list }, at) => {
        const joined = setOf(list.slice(0, at), size);
        joined.addAll(setOf(list.slice(at), size));
        expect(joined.toLines()).toEqual(setOf(list, size).toLines());
      }),
    );
  });

  it('has no two ranges that touch: it is as small as it can be', () => {
    fc.assert(
      fc.property(names, ({ size, list }) => {
        const segments = [...new Set(list.filter((name) => name.length === 24))].sort();
        const isStart = (name: string): boolean => {
          const before = previousSegmentName(name, size);
          return before === undefined || !segments.includes(before);
        };
        const runs = segments.filter(isStart).length;
        const lines = setOf(list, size).toLines();
        expect(lines.filter((line) => !line.includes('.')).length).toBe(runs);
      }),
    );
  });
});

describe('its lines', () => {
  it('are oldest first: a history before the segments of its timeline, a range over the end of a log', () => {
    const list = [
      '000000020000000100000000',
      '000000020000000000000FFF',
      '00000002.history',
      '000000010000000000000007',
      '000000010000000000000007.partial',
      '000000010000000000000005',
    ];
    expect(setOf(list).toLines()).toEqual([
      '000000010000000000000005',
      '000000010000000000000007',
      '000000010000000000000007.partial',
      '00000002.history',
      '000000020000000000000FFF-000000020000000100000000',
    ]);
  });

  it('of a million segments are one', () => {
    const last = segmentName(1, 1_000_000n, 16 * megabyte);
    const lines = [`000000010000000000000001-${last}`];
    expect(NameSet.fromLines(lines, 16 * megabyte)?.has(segmentName(1, 999_999n, 16 * megabyte))).toBe(true);
  });

  it.each([
    '',
    'x',
    '000000010000000000000002-000000010000000000000001',
    '000000010000000000000001-000000020000000000000002',
    '000000010000000000000001-',
    '000000010000000000000001-000000010000000000001000',
  ])('that say "%s" are of no set', (line) => {
    expect(NameSet.fromLines([line], megabyte)).toBeUndefined();
  });
});
