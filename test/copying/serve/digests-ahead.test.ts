// Digests are made ahead of the records that answer them: whoever has no more use for the file waits until nothing reads it.
import { describe, expect, it } from 'vitest';
import type { NearFile } from '../../../src/copying/near/near-file.ts';
import { DigestsAhead } from '../../../src/copying/serve/digests-ahead.ts';
import { PageDigests } from '../../../src/copying/sums/page-digests.ts';
import { chunkBytes } from '../../../src/copying/target.ts';
import type { Talk } from '../../../src/transport/receiver/talk.ts';

describe('digests ahead', () => {
  it('are stopped only when no read of the file is under way any more', async () => {
    const reads: (() => void)[] = [];
    const file = {
      oldBytes: 8 * chunkBytes,
      readOld: (): Promise<number> => new Promise((resolve) => reads.push(() => resolve(chunkBytes))),
    } as unknown as NearFile;
    const talk = {
      signal: new AbortController().signal,
      reply: async () => undefined,
      send: async () => undefined,
      incoming: { fail: () => undefined },
    } as unknown as Talk;
    const ahead = new DigestsAhead(file, talk, new PageDigests(), {
      isFresh: false,
      wantsCrcs: false,
    });
    while (reads.length < 3) await new Promise((resolve) => setImmediate(resolve));
    let isStopped = false;
    const stopping = ahead.stop().then(() => (isStopped = true));
    for (const read of reads.splice(0)) {
      expect(isStopped).toBe(false);
      read();
      for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve));
    }
    await stopping;
    expect(reads).toEqual([]);
  });
});
