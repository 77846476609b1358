// The line of a timeline: what of a segment belongs to it, and under which names it has to be asked for.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { belongsTo, timelinesOf, type Line } from '../../src/wal/line.ts';
import { anySize } from './arbitraries.ts';

const megabyte = 1024 * 1024;
const entry = (timeline: number, switchLsn: bigint) => ({ timeline, switchLsn, reason: '' });

/** A line within 16 GB, so that forks fall together, and a byte of it that is often at a fork or a boundary. */
const anyByteOfLine = fc
  .record({
    size: anySize,
    steps: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 5 }),
    forks: fc.array(fc.bigInt({ min: 0n, max: 2n ** 34n }), { minLength: 5, maxLength: 5 }),
    anywhere: fc.bigInt({ min: 0n, max: 2n ** 34n + 2n ** 30n }),
    nudge: fc.bigInt({ min: -1n, max: 1n }),
    choice: fc.nat({ max: 6 }),
    aligned: fc.boolean(),
  })
  .map(({ size, steps, forks, anywhere, nudge, choice, aligned }) => {
    const round = (lsn: bigint): bigint => (aligned ? lsn - (lsn % BigInt(size)) : lsn);
    const places = forks.slice(0, steps.length).map(round);
    places.sort((one, other) => (one < other ? -1 : one > other ? 1 : 0));
    let timeline = 0;
    const ancestors = places.map((lsn, index) => entry((timeline += steps[index]!), lsn));
    const near = (places[choice] ?? anywhere) + nudge;
    const line: Line = { timeline: timeline + 1, ancestors };
    return { line, size, lsn: near < 0n ? 0n : near };
  });

/** Who owns a byte, said in another way: the first timeline that was left after it. */
const ownerOf = ({ timeline, ancestors }: Line, lsn: bigint): number =>
  ancestors.find(({ switchLsn }) => lsn < switchLsn)?.timeline ?? timeline;

const timelinesIn = ({ timeline, ancestors }: Line): number[] => [
  ...ancestors.map((ancestor) => ancestor.timeline),
  timeline,
];

describe('every byte of a line', () => {
  it('belongs to exactly one timeline: the oldest whose share of the segment holds it', () => {
    fc.assert(
      fc.property(anyByteOfLine, ({ line, size, lsn }) => {
        const number = lsn / BigInt(size);
        const offset = Number(lsn % BigInt(size));
        const holding = timelinesIn(line).filter((timeline) => {
          const share = belongsTo(line, timeline, number, size);
          return share === 'whole' || (typeof share === 'number' && offset < share);
        });
        expect(holding[0]).toBe(ownerOf(line, lsn));
      }),
    );
  });

  it('is under one of the names that are asked for, newest first', () => {
    fc.assert(
      fc.property(anyByteOfLine, ({ line, size, lsn }) => {
        const asked = timelinesOf(line, lsn / BigInt(size), size);
        expect(asked).toContain(ownerOf(line, lsn));
        expect(asked).toEqual([...asked].sort((one, other) => other - one));
      }),
    );
  });
});

describe('the names that are asked for', () => {
  it('are those whose share is not past, and that began before the segment ends', () => {
    fc.assert(
      fc.property(anyByteOfLine, ({ line, size, lsn }) => {
        const number = lsn / BigInt(size);
        const end = (number + 1n) * BigInt(size);
        const all = timelinesIn(line);
        const began = (timeline: number): bigint =>
          line.ancestors[all.indexOf(timeline) - 1]?.switchLsn ?? 0n;
        const expected = all.filter(
          (timeline) => belongsTo(line, timeline, number, size) !== 'past' && began(timeline) < end,
        );
        expect(timelinesOf(line, number, size)).toEqual(expected.reverse());
      }),
    );
  });
});

describe('a share', () => {
  const line: Line = { timeline: 4, ancestors: [entry(1, 0x300000n), entry(2, 0x480028n)] };

  it.each([
    [1, 2n, 'whole'],
    [1, 3n, 'past'],
    [2, 4n, 0x80028],
    [2, 5n, 'past'],
    [4, 4n, 'whole'],
    [4, 99n, 'whole'],
    [3, 4n, 'elsewhere'],
    [5, 4n, 'elsewhere'],
  ] as const)('of timeline %i in segment %i is %s', (timeline, number, share) => {
    expect(belongsTo(line, timeline, number, megabyte)).toBe(share);
  });

  it.each([
    [2n, [1]],
    [3n, [2]],
    [4n, [4, 2]],
    [5n, [4]],
  ])('of segment %i is held by %j', (number, timelines) => {
    expect(timelinesOf(line, number, megabyte)).toEqual(timelines);
  });

  it('of a line without ancestors is always whole', () => {
    expect(belongsTo({ timeline: 1, ancestors: [] }, 1, 0n, megabyte)).toBe('whole');
    expect(timelinesOf({ timeline: 7, ancestors: [] }, 5n, megabyte)).toEqual([7]);
  });
});
