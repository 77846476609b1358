// What is under way into a target: how many buffers there are, and what becomes of a fault among them.
import { describe, expect, it } from 'vitest';
import { buffersOf } from '../../../src/backup/source/buffers.ts';
import { UnderWay } from '../../../src/backup/source/under-way.ts';
import { chunkBytes } from '../../../src/copying/target.ts';

const turn = (): Promise<void> => new Promise(setImmediate);

describe('chunks under way', () => {
  it('are waited for, the first fault is kept, and none of them is thrown where nobody listens', async () => {
    const underWay = new UnderWay();
    const ends: ((error?: Error) => void)[] = [];
    const taking = (): Promise<void> =>
      new Promise((resolve, reject) =>
        ends.push((error) => (error === undefined ? resolve() : reject(error))),
      );
    for (let n = 0; n < 3; n++) underWay.add(taking());
    underWay.throwFault();
    let isSettled = false;
    const settling = underWay.settle().then(() => (isSettled = true));
    ends[1]!(new Error('the second'));
    await turn();
    expect(() => underWay.throwFault()).toThrow('the second');
    expect(isSettled).toBe(false);
    ends[0]!(new Error('the first'));
    ends[2]!();
    await settling;
    expect(() => underWay.throwFault()).toThrow('the second');
  });
});

describe('buffers', () => {
  it('are no more than there may be, used again, and waited for in turn', async () => {
    const buffers = buffersOf(2);
    const [one, two] = [await buffers.take(), await buffers.take()];
    expect(one).not.toBe(two);
    expect([one.length, one.byteOffset % 4]).toEqual([chunkBytes, 0]);
    const got: Buffer[] = [];
    const third = buffers.take().then((buffer) => got.push(buffer));
    const fourth = buffers.take().then((buffer) => got.push(buffer));
    await turn();
    expect(got).toEqual([]);
    buffers.give(two);
    await third;
    expect(got[0] === two).toBe(true);
    buffers.give(one);
    await fourth;
    expect(got[1] === one).toBe(true);
    buffers.give(one);
    expect((await buffers.take()) === one).toBe(true);
    const another = buffers.take().then((buffer) => got.push(buffer));
    await turn();
    expect(got).toHaveLength(2);
    buffers.give(two);
    await another;
  });
});
