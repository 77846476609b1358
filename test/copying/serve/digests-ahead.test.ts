// Digests are made ahead of the records that answer them: whoever has no more use for the file waits until nothing reads it.
import { describe, expect, it } from 'vitest';
import type { NearFile } from '../../../src/copying/near/near-file.ts';
import { DigestsAhead } from '../../../src/copying/serve/digests-ahead.ts';
import { PageDigests } from '../../../src/copying/sums/page-digests.ts';
import { chunkBytes } from '../../../src/copying/target.ts';
import type { Talk } from '../../../src/transport/receiver/talk.ts';

describe('digests ahead', () => {
  const nobody = {
    signal: new AbortController().signal,
    reply: async () => undefined,
    send: async () => undefined,
    incoming: { fail: () => undefined },
  } as unknown as Talk;
  const turns = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const ofAll = { isFresh: false, wantsCrcs: true };

  it('are made no further ahead than the far side has answered', async () => {
    let reads = 0;
    const file = {
      oldBytes: 1000 * chunkBytes,
      readOld: async () => {
        reads += 1;
        return chunkBytes;
      },
    } as unknown as NearFile;
    const ahead = new DigestsAhead(file, nobody, new PageDigests(), ofAll);
    await turns(2000);
    expect(reads).toBe(128);
    for (let chunk = 0; chunk < 10; chunk++) expect(await ahead.past(chunk)).toHaveLength(64 * 16);
    await turns(200);
    expect(reads).toBe(138);
    await ahead.stop();
  });

  it('end with the fault of a read, or of a file that was cut off, whatever else is being read', async () => {
    for (const [cut, message] of [
      [true, 'the file there was cut off while it was compared'],
      [false, 'disk gone'],
    ] as const) {
      const heard: unknown[] = [];
      const file = {
        oldBytes: 8 * chunkBytes,
        readOld: async (offset: number) => {
          await turns(offset === 0 ? 20 : 1);
          if (offset === 0) return chunkBytes;
          if (cut) return chunkBytes - 1;
          throw new Error('disk gone');
        },
      } as unknown as NearFile;
      const incoming = { fail: (error: Error) => heard.push(error.message) };
      const ahead = new DigestsAhead(
        file,
        { ...nobody, incoming } as unknown as Talk,
        new PageDigests(),
        ofAll,
      );
      await ahead.past(0);
      await expect(ahead.past(1)).rejects.toThrow(message);
      expect(heard).toEqual([message]);
      await ahead.stop();
    }
  });

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
