// The seeded share of the matrix: repeatable, and never without one of the things that differ.
import { expect, it } from 'vitest';

import { kindOfMajor, pickCells } from './pick-cells.ts';
import { cellsOf, titleOf, ways } from './recovery-ways.ts';

const cells = cellsOf([10, 11, 12, 13, 14, 15, 16, 17, 18]);
const seeds = Array.from({ length: 200 }, (_, seed) => seed * 7919);

it('the same seed picks the same cells, and seeds differ', () => {
  const titles = (seed: number): string => pickCells(cells, seed).map(titleOf).join('\n');
  for (const seed of seeds) expect(titles(seed)).toBe(titles(seed));
  expect(new Set(seeds.map(titles)).size).toBeGreaterThan(190);
});

it('every share has each kind of major, each way of recovery, and both triggers', () => {
  const titles = ways.map(({ title }) => title).sort();
  for (const seed of seeds) {
    const picked = pickCells(cells, seed);
    expect(new Set(picked.map(({ major }) => kindOfMajor(major))).size).toBe(3);
    expect([...new Set(picked.map(({ way }) => way.title))].sort()).toEqual(titles);
    expect([...new Set(picked.map(({ how }) => how))].sort()).toEqual(['fast', 'smart']);
    expect(picked.length).toBeLessThanOrEqual(titles.length + 2);
  }
});

it('in the long run every cell is picked', () => {
  const picked = new Set(seeds.flatMap((seed) => pickCells(cells, seed)));
  expect(cells.filter((cell) => !picked.has(cell)).map(titleOf)).toEqual([]);
});
