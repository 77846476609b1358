// Which segments are missing, by names alone: on one timeline and across a fork, with several sources and other places.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findHole } from '../../src/trigger/holes.ts';
import type { Ahead } from '../../src/trigger/line-ahead.ts';
import type { Listed, Place } from '../../src/trigger/places.ts';
import { makeNode, type NodeFixture } from '../harness/node-fixture.ts';
import { megabyte, segmentNamed } from '../harness/wal-files.ts';

let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('holes');
});
afterAll(() => node[Symbol.asyncDispose]());

/** Timeline 2 left timeline 1 in the middle of segment 0x23; everything before 0x21 was replayed. */
const ahead: Ahead = {
  line: { timeline: 2, ancestors: [{ timeline: 1, switchLsn: 0x2380000n, reason: '' }] },
  from: 0x2100000n,
  isExact: true,
  segmentSize: megabyte,
};

const at = (kind: Place['kind'], ...names: string[]): Listed => ({
  url: `file:/${kind}`,
  words: kind,
  kind,
  names: ['00000001000000000000001', ...names, 'nonsense'].sort(),
});
const one = (...numbers: number[]): string[] => numbers.map((number) => segmentNamed(number, 1));
const two = (...numbers: number[]): string[] => numbers.map((number) => segmentNamed(number, 2));

/** First, last, count, top and the first that is lost; who has all. */
function hole(...listed: Listed[]): unknown {
  const { first, hole: found } = findHole(listed, ahead, node.dataDirectory);
  if (found === undefined) return `none, up to ${first.toString(16)}`;
  const { last, count, top, firstLost, holders } = found;
  const hex = (number: bigint): string => number.toString(16);
  return [hex(first), hex(last), count, hex(top), hex(firstLost), holders.map(({ kind }) => kind).join()];
}

it('there is none where the sources have all that anybody has', () => {
  expect(hole(at('source'))).toBe('none, up to 21');
  expect(hole(at('source', ...one(0x1f, 0x20)), at('destination', ...one(0x20)))).toBe('none, up to 21');
  expect(hole(at('source', ...one(0x21)), at('source', ...one(0x22), ...two(0x23)))).toBe('none, up to 24');
  expect(hole(at('source', ...one(0x21)), at('destination', ...one(0x21)))).toBe('none, up to 22');
});

it('there is none behind a fork, nor for segments of another line', () => {
  // What timeline 1 had from its end on does not count, and of the segment of the fork only the newer one is whole.
  const past = one(0x21, 0x22, 0x23, 0x24, 0x25);
  expect(hole(at('source', ...past))).toBe('none, up to 23');
  expect(hole(at('source', ...past), at('destination', segmentNamed(0x30, 3)))).toBe('none, up to 23');
});

it('it ends with the last that no source has', () => {
  expect(hole(at('source', ...two(0x23, 0x24)))).toEqual(['21', '22', 2, '24', '21', '']);
  expect(hole(at('source', ...one(0x21), ...two(0x23, 0x25)))).toEqual(['22', '24', 2, '25', '21', '']);
  expect(hole(at('source', ...one(0x21, 0x22, 0x23), ...two(0x24)))).toEqual(['23', '23', 1, '24', '21', '']);
});

it('a place that is no source counts for what is missing, and for what is newer than all', () => {
  const source = at('source', ...two(0x24));
  const all = at('destination', ...one(0x21, 0x22), ...two(0x23));
  expect(hole(source, all)).toEqual(['21', '23', 3, '24', '21', 'destination']);
  expect(hole(source, at('own', ...one(0x21)))).toEqual(['21', '23', 3, '24', '21', '']);
  expect(hole(at('source', ...one(0x21)), at('own', ...one(0x22)))).toEqual([
    '22',
    '22',
    1,
    '22',
    '21',
    'own',
  ]);
});

it('what the server has itself is missing to nobody', () => {
  for (const name of one(0x21, 0x22)) node.segment(name);
  expect(hole(at('source', ...two(0x24)))).toEqual(['23', '23', 1, '24', '23', '']);
});
