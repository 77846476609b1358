// A file of the primary with a damaged page, over a sound copy of it: the page that is there may be the last sound one, whatever
// else happens on the way.
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buffersOf } from '../../src/backup/source/buffers.ts';
import { PageCheck } from '../../src/backup/source/pages.ts';
import { sendFile, type SentFile } from '../../src/backup/source/send-file.ts';
import { chunkBytes } from '../../src/copying/target.ts';
import { makeScene, neverStopped, nothingOutside, send, sourceOf } from '../copying/near/scene.ts';
import { checksumOf } from './source/page-checksum.ts';

/** Pages as a server has written them. */
function soundPages(count: number, size: number): Buffer {
  const bytes = Buffer.alloc(count * size, 7);
  for (let block = 0; block < count; block++) {
    const page = bytes.subarray(block * size, (block + 1) * size);
    page.fill(0, 0, 8);
    page.writeUInt16LE(100, 14);
    page.writeUInt16LE(checksumOf(page, block, size), 8);
  }
  return bytes;
}

interface Played {
  outcome: SentFile | 'vanished' | Error;
  /** Of the target, afterwards; and what it was. */
  left: Buffer;
  before: Buffer;
}

/** `meanwhile` hears of each chunk that has been handed on. */
async function played(
  size: number,
  count: number,
  damaged: number,
  meanwhile: (chunks: number) => void = () => undefined,
  signal = neverStopped,
): Promise<Played> {
  await using scene = makeScene('damaged-source');
  const target = scene.target();
  await target.prepare(sourceOf(), nothingOutside, neverStopped);
  await target.directory('base', 0o700, neverStopped);
  const before = soundPages(count, size);
  await send(target, 'base/1', before);
  const now = Buffer.from(before);
  now[damaged * size + 500]! ^= 0xff;
  const from = scene.path('source-file');
  writeFileSync(from, now);
  let chunks = 0;
  const layout = { blockSize: size, blocksInSegment: 131_072, startLsn: 1n << 40n };
  const outcome = await sendFile(
    { from, to: 'base/1', check: (descriptor) => new PageCheck(descriptor, 0, layout) },
    {
      ...{ target, buffers: buffersOf(3), checksums: 'CRC32C', signal },
      progress: () => meanwhile((chunks += 1)),
    },
  ).catch((error: Error) => error);
  return { outcome, left: readFileSync(`${scene.data}/base/1`), before };
}

describe('a damaged page of the primary', () => {
  it.each([
    [8192, 200, 3],
    [8192, 1, 0],
    [1024, 12, 9],
    [4096, 3, 2],
    [16_384, 3, 1],
    [32_768, 2, 1],
  ])(
    'does not take the place of a sound one: of %i bytes, %i of them, number %i',
    async (size, count, damaged) => {
      const { outcome, left, before } = await played(size, count, damaged);
      expect(outcome).toMatchObject({ sizeBytes: before.length, check: { damagedCount: 1 } });
      expect(left.equals(before)).toBe(true);
    },
  );

  it('does not where the copy is stopped, or cannot read on', async () => {
    const stop = new AbortController();
    const reason = new Error('stopped by SIGINT');
    const stopped = await played(8192, 200, 3, () => stop.abort(reason), stop.signal);
    expect(stopped.outcome).toBe(reason);
    expect(stopped.left.equals(stopped.before)).toBe(true);
    const broken = await played(8192, (3 * chunkBytes) / 8192, 3, (chunks) => {
      if (chunks === 2)
        throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read' });
    });
    expect(broken.outcome).toMatchObject({ kind: 'input-output' });
    expect(broken.left.equals(broken.before)).toBe(true);
  });
});
