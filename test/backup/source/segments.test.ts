// Checksums of pages in the further files of a relation, whatever the size of a page.
import { expect, it } from 'vitest';
import { checksumOf } from './page-checksum.ts';
import { makeScene } from '../../copying/near/scene.ts';
import { copyAll, preparedTarget } from '../copy-scene.ts';

it.each([1024, 8192, 32_768])(
  'pages of %i bytes are counted over all files of their relation',
  async (blockSize) => {
    await using scene = makeScene('segments');
    const blocksInSegment = 131_072;
    const blocks = (2 * 524_288) / blockSize + 3;
    const relation = (segment: number, wrong: number): Buffer => {
      const bytes = Buffer.alloc(blocks * blockSize + 700, 1);
      for (let n = 0; n < blocks; n++) {
        bytes.writeUInt16LE(0, n * blockSize + 8);
        bytes.writeUInt16LE(
          checksumOf(bytes.subarray(n * blockSize), segment * blocksInSegment + n, blockSize) ^
            (n === wrong ? 1 : 0),
          n * blockSize + 8,
        );
      }
      return bytes;
    };
    scene.file('source/base/5/1', relation(0, -1));
    scene.file('source/base/5/1.2', relation(2, blocks - 1));
    scene.file('source/base/5/2.1', relation(1, 1).subarray(0, 3 * blockSize + 5));
    scene.file('source/base/5/3.1', relation(1, -1).subarray(0, 3 * blockSize + 5));
    const layout = { blockSize, blocksInSegment, startLsn: 1n << 62n };
    const { damaged } = await copyAll(scene, await preparedTarget(scene), { layout });
    expect(damaged.map(({ path, count, pages }) => [path, count, pages[0]!.block]).sort()).toEqual([
      ['base/5/1.2', 1, 2 * blocksInSegment + blocks - 1],
      ['base/5/2.1', 1, blocksInSegment + 1],
    ]);
  },
);
