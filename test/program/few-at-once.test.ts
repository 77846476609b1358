// A few of many at once: never more, in order, and no further one after a fault.
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { fewAtOnce } from '../../src/program/few-at-once.ts';

const numbers = Array.from({ length: 20 }, (_, at) => at);

describe('work on many things', () => {
  it('is done a few at once, and gives its results in the order of the things', async () => {
    let [underWay, most] = [0, 0];
    const results = await fewAtOnce(numbers, 3, async (number) => {
      underWay += 1;
      most = Math.max(most, underWay);
      for (let left = number % 4; left >= 0; left--) await turn();
      underWay -= 1;
      return number * 2;
    });
    expect(results).toEqual(numbers.map((number) => number * 2));
    expect(most).toBe(3);
    expect(await fewAtOnce([], 3, () => turn())).toEqual([]);
  });

  it('ends with the first fault, once nothing is under way any more, and begins no further one', async () => {
    const [begun, ended]: [number[], number[]] = [[], []];
    const all = fewAtOnce(numbers, 3, async (number) => {
      begun.push(number);
      await turn();
      if (number === 1) throw new Error('the second one');
      for (let left = 10; left >= 0; left--) await turn();
      ended.push(number);
    });
    await expect(all).rejects.toThrow('the second one');
    expect({ begun, ended }).toEqual({ begun: [0, 1, 2], ended: [0, 2] });
  });
});
