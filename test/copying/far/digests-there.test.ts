// What a target says of its file: waited for as long as it may still come, and no longer; never more than is good for memory.
import { describe, expect, it } from 'vitest';
import { DigestsThere } from '../../../src/copying/far/digests-there.ts';
import { chunkBytes } from '../../../src/copying/target.ts';
import { faultOf } from '../../program/fault.ts';

const chunkTold = 64 * 16 + 8 * 4;

async function* saying(...pieces: Buffer[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    await new Promise((resolve) => setImmediate(resolve));
    yield piece;
  }
}

const faultWith = (what: string) => ({
  kind: 'protocol',
  message: `the far side does not keep to the protocol: ${what}`,
});

describe('what a target says of its chunks', () => {
  it('may come in any pieces, and is told apart', async () => {
    const all = Buffer.from(Array.from({ length: 2 * chunkTold }, (_, at) => at % 251));
    const there = new DigestsThere(
      2 * chunkBytes,
      saying(all.subarray(0, 7), all.subarray(7, 1500), all.subarray(1500)),
      true,
    );
    const [first, second, past] = await Promise.all([there.of(0), there.of(1), there.of(2)]);
    expect(Buffer.concat([first.digests, first.crcs, second.digests, second.crcs]).equals(all)).toBe(true);
    expect([first.crcs.length, first.bytesFrom, second.bytesFrom]).toEqual([32, 2 * chunkBytes, chunkBytes]);
    expect(past).toEqual({ digests: Buffer.alloc(0), crcs: Buffer.alloc(0), bytesFrom: 0 });
  });

  it('is no longer waited for once it has ended', async () => {
    const there = new DigestsThere(2 * chunkBytes, saying(Buffer.alloc(chunkTold)), true);
    await there.of(0);
    expect(await faultOf(() => there.of(1))).toEqual(faultWith('it ends before the last digest'));
  });

  it('is not kept where it is more than the file has', async () => {
    const there = new DigestsThere(2 ** 40, saying(Buffer.alloc(1024 * 1024), Buffer.alloc(1)), true);
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (let chunk = 0; chunk < Math.floor((1024 * 1024) / chunkTold); chunk++) await there.of(chunk);
    expect(await faultOf(() => there.of(992))).toEqual(faultWith('more digests than its file has pages'));
  });
});
