// A seeded share of the matrix: always the same for one seed, and never without a kind of server or a way of recovery.
import type { Cell } from './recovery-ways.ts';

/** Numbers in [0, 1) that only the seed decides (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled<T>(values: readonly T[], random: () => number): T[] {
  const result = [...values];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other]!, result[last]!];
  }
  return result;
}

/** recovery.conf; signal files; signal files and prefetching. */
export const kindOfMajor = (major: number): string => (major < 12 ? '10-11' : major < 15 ? '12-14' : '15-');

/** As few cells as have every kind of major, every way and both triggers, each picked by chance. */
export function pickCells(cells: readonly Cell[], seed: number): Cell[] {
  const order = shuffled(cells, randomFrom(seed));
  const traits = (cell: Cell): string[] => [kindOfMajor(cell.major), cell.way.title, cell.how];
  const missing = new Set(cells.flatMap(traits));
  const picked: Cell[] = [];
  while (missing.size > 0) {
    const gain = (cell: Cell): number => traits(cell).filter((trait) => missing.has(trait)).length;
    const best = Math.max(...order.map(gain));
    const next = order.find((cell) => gain(cell) === best)!;
    for (const trait of traits(next)) missing.delete(trait);
    picked.push(next);
  }
  return picked;
}
