// What a restart point makes superfluous, as plain numbers: sizes, logs, timelines and what is never touched.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { presentIn, readRestartPoint, stretchesBefore } from '../../src/restore/pruning/prunable.ts';
import { segmentName } from '../../src/wal/filename.ts';
import { anySegment, anySize } from '../wal/arbitraries.ts';

const mb = 1024 * 1024;
const entry = (timeline: number, switchLsn: bigint) => ({ timeline, switchLsn, reason: '' });

describe('a restart file', () => {
  it.each([
    ['000000020000000100000003', 16 * mb, { timeline: 2, number: 259n }],
    ['00000002000000010000003F', 64 * mb, { timeline: 2, number: 127n }],
    ['000000010000000100000003', 1024 * mb, { timeline: 1, number: 7n }],
    ['000000010000000000000FFF', mb, { timeline: 1, number: 4095n }],
    ['000000020000000100000003.partial', 16 * mb, { timeline: 2, number: 259n }],
    ['000000020000000100000003.00000028.backup', 16 * mb, { timeline: 2, number: 259n }],
    ['000000000000000000000000', 16 * mb, 'none'],
  ])('%s, with segments of %i bytes, is %o', (name, size, expected) => {
    expect(readRestartPoint(name, size)).toEqual(expected);
  });

  it.each([
    '',
    '%r',
    '00000002.history',
    '000000000000000100000003',
    '00000002000000010000000g',
    '000000020000000100000100',
    '000000020000000100000100.partial',
    'pg_wal/000000020000000100000003',
    '000000020000000100000003.zst',
    '000000020000000100000003\n',
  ])('is not %j, with segments of 16 MB', (name) => {
    expect(readRestartPoint(name, 16 * mb)).toBeUndefined();
  });

  it('does not exist where the segment size has no such low part', () => {
    expect(readRestartPoint('000000010000000100000004', 1024 * mb)).toBeUndefined();
    expect(readRestartPoint('000000010000000100000040', 64 * mb)).toBeUndefined();
  });
});

describe('the stretches before a restart point', () => {
  it('are the own timeline alone where it has no ancestors, or none is known', () => {
    expect(stretchesBefore({ timeline: 1, number: 7n }, [], 16 * mb)).toEqual([
      { timeline: 1, from: undefined, to: 7n },
    ]);
    expect(stretchesBefore({ timeline: 4, number: 7n }, [], 16 * mb)).toEqual([
      { timeline: 4, from: undefined, to: 7n },
    ]);
  });

  it('leave the segment in which an ancestor was left, and what follows it on that timeline', () => {
    const history = [entry(1, 0x0500_0028n), entry(3, 0x0900_0000n)];
    expect(stretchesBefore({ timeline: 4, number: 12n }, history, 16 * mb)).toEqual([
      { timeline: 1, from: undefined, to: 5n },
      { timeline: 3, from: 5n, to: 9n },
      { timeline: 4, from: 9n, to: 12n },
    ]);
  });

  it('end before the restart point also on an ancestor', () => {
    const history = [entry(1, 0x0500_0028n), entry(2, 0x0900_0000n)];
    expect(stretchesBefore({ timeline: 3, number: 7n }, history, 16 * mb)).toEqual([
      { timeline: 1, from: undefined, to: 5n },
      { timeline: 2, from: 5n, to: 7n },
    ]);
    expect(stretchesBefore({ timeline: 3, number: 3n }, history, 16 * mb)).toEqual([
      { timeline: 1, from: undefined, to: 3n },
    ]);
  });

  it('hold no segment at or after the restart point, and none twice, whatever the history', () => {
    const anyHistory = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 99 }), fc.bigInt(0n, 2n ** 40n)), {
      selector: ([timeline]) => timeline,
      maxLength: 4,
    });
    fc.assert(
      fc.property(anyHistory, fc.bigInt(0n, 2n ** 20n), anySize, (parts, number, size) => {
        const history = parts.sort(([a], [b]) => a - b).map(([timeline, lsn]) => entry(timeline, lsn));
        const stretches = stretchesBefore({ timeline: 100, number }, history, size);
        for (const { timeline, from, to } of stretches) {
          expect(to <= number).toBe(true);
          const left = history.find((each) => each.timeline === timeline);
          if (left !== undefined) expect(to * BigInt(size) <= left.switchLsn).toBe(true);
          if (from !== undefined) expect(from < to).toBe(true);
        }
        expect(new Set(stretches.map(({ timeline }) => timeline)).size).toBe(stretches.length);
      }),
    );
  });
});

describe('the names of a directory', () => {
  const size = 16 * mb;
  const stretch = { timeline: 2, from: undefined, to: 0x101n };

  it('give only segments of that timeline and before the end, in order', () => {
    const names = [
      '000000010000000000000001',
      '0000000200000001000000FF',
      '000000020000000100000000',
      '000000020000000000000009',
      '000000020000000000000004.partial',
      '000000020000000000000004.00000028.backup',
      '000000020000000000000003.zst',
      '000000020000000000000100',
      '000000020000000100000001',
      '000000020000000200000000',
      '000000030000000000000001',
      '00000002.history',
      '.twowarm',
      'README',
    ];
    expect(presentIn(names, stretch, 0n, size)).toEqual([9n, 0x100n]);
    expect(presentIn(names, stretch, 10n, size)).toEqual([0x100n]);
    expect(presentIn(names, stretch, 0x101n, size)).toEqual([]);
  });

  it('give back exactly the segment that a number names', () => {
    fc.assert(
      fc.property(anySegment, ({ timeline, number, size: any }) => {
        const name = segmentName(timeline, number, any);
        const whole = { timeline, from: undefined, to: number + 1n };
        expect(presentIn([name], whole, 0n, any)).toEqual([number]);
        expect(presentIn([name], { ...whole, to: number }, 0n, any)).toEqual([]);
      }),
    );
  });
});
