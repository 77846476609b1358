// The look at the pages of a file, with pages made by hand: what is damage, and what only looks like it.
import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PageCheck, type PageLayout } from '../../../src/backup/source/pages.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { checksumOf } from './page-checksum.ts';

const size = 8192;
const layout: PageLayout = { blockSize: size, blocksInSegment: 131_072, startLsn: 0x5_0000_1000n };

let sandbox: Sandbox;
let path: string;
beforeEach(() => {
  sandbox = makeSandbox('pages');
  path = join(sandbox.path, '16384');
});
afterEach(() => sandbox.dispose());

/** A page with content, and the checksum that it has as block `block`. */
function page(
  block: number,
  { lsn = 0x1000n, upper = 8000, checksum = undefined as number | undefined } = {},
): Buffer {
  const bytes = Buffer.from(new ArrayBuffer(size));
  for (let at = 24; at < size; at++) bytes[at] = (at * 31 + block) & 0xff;
  bytes.writeUInt32LE(Number(lsn >> 32n), 0);
  bytes.writeUInt32LE(Number(lsn & 0xffff_ffffn), 4);
  bytes.writeUInt16LE(upper, 14);
  bytes.writeUInt16LE(checksum ?? checksumOf(bytes, block), 8);
  return bytes;
}

/** Looks at all of these pages at once, as they stand in the file. */
async function look(
  pages: readonly Buffer[],
  segment = 0,
  meanwhile: () => void = () => undefined,
): Promise<PageCheck> {
  const bytes = Buffer.from(new ArrayBuffer(pages.length * size));
  pages.forEach((each, at) => each.copy(bytes, at * size));
  writeFileSync(path, bytes);
  const descriptor = openSync(path, 'r');
  try {
    const check = new PageCheck(descriptor, segment, layout);
    meanwhile();
    await check.look(bytes, 0);
    return check;
  } finally {
    closeSync(descriptor);
  }
}

const nothing = { damagedCount: 0, damaged: [] };

describe('pages', () => {
  it('with the checksum of their content and their place are sound', async () => {
    expect(await look([page(0), page(1), page(2)])).toMatchObject(nothing);
  });

  it('that were never used have none', async () => {
    expect(await look([Buffer.alloc(size), page(1, { upper: 0, checksum: 1 })])).toMatchObject(nothing);
  });

  it('with another content are damaged, and so are those of another place', async () => {
    const changed = page(1);
    changed[5000]! ^= 1;
    const { damaged, damagedCount } = await look([page(0), changed, page(7)]);
    expect({ damaged, damagedCount }).toEqual({
      damagedCount: 2,
      damaged: [
        { block: 1, found: changed.readUInt16LE(8), calculated: checksumOf(changed, 1) },
        { block: 2, found: page(7).readUInt16LE(8), calculated: checksumOf(page(7), 2) },
      ],
    });
  });

  it('of a further file of a relation are counted over all of them', async () => {
    expect(await look([page(2 * 131_072), page(2 * 131_072 + 1)], 2)).toMatchObject(nothing);
    expect((await look([page(0)], 2)).damaged).toMatchObject([{ block: 262_144 }]);
  });

  it('that were written after the backup began are replayed, whatever they look like', async () => {
    const torn = (lsn: bigint): Buffer => page(0, { lsn, checksum: 1 });
    expect(await look([torn(layout.startLsn)])).toMatchObject(nothing);
    expect(await look([torn(layout.startLsn + 1n)])).toMatchObject(nothing);
    expect((await look([torn(layout.startLsn - 1n)])).damagedCount).toBe(1);
    // The upper half of an LSN counts more than the lower one.
    expect((await look([torn(0x4_ffff_ffffn)])).damagedCount).toBe(1);
  });

  it('that were only read torn are looked at again', async () => {
    const whole = page(0);
    const torn = Buffer.from(whole);
    torn.fill(0, 4096);
    const check = await look([torn], 0, () => {
      const descriptor = openSync(path, 'r+');
      writeSync(descriptor, whole, 0, size, 0);
      closeSync(descriptor);
    });
    expect(check).toMatchObject(nothing);
    expect(readFileSync(path).equals(whole)).toBe(true);
  });

  it('that were cut off meanwhile are none', async () => {
    expect(
      await look([page(0), page(1, { checksum: 1 })], 0, () => truncateSync(path, size + 100)),
    ).toMatchObject(nothing);
  });

  it('are counted, and the first ten are told', async () => {
    const damaged = Array.from({ length: 14 }, (_, block) => page(block, { checksum: 1 }));
    const check = await look(damaged);
    expect(check.damagedCount).toBe(14);
    expect(check.damaged.map(({ block }) => block)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it.each([
    [4096, 3, [1]],
    [8192, 3, [3]],
    [16_384, 1, [2, 3]],
    [32_768, 1, [4, 5, 6, 7]],
  ])(
    'of %i bytes, of which number %i is damaged, are told as pages of a copy',
    async (blockSize, block, told) => {
      const bytes = Buffer.alloc((block + 1) * blockSize + 100);
      bytes.writeUInt16LE(1, block * blockSize + 8);
      bytes.writeUInt16LE(8000, block * blockSize + 14);
      writeFileSync(path, bytes);
      const descriptor = openSync(path, 'r');
      const check = new PageCheck(descriptor, 0, { ...layout, blockSize });
      expect(await check.look(bytes, 0)).toEqual(told);
      expect(await check.look(Buffer.alloc(blockSize), 0)).toEqual([]);
      closeSync(descriptor);
      expect(check.damagedCount).toBe(1);
    },
  );

  it('that were cut off are not told as damaged ones: what comes in their place is right', async () => {
    writeFileSync(path, page(0));
    const descriptor = openSync(path, 'r');
    const check = new PageCheck(descriptor, 0, layout);
    expect(await check.look(Buffer.concat([page(0), page(1, { checksum: 1 })]), 0)).toEqual([]);
    closeSync(descriptor);
    expect(check).toMatchObject(nothing);
  });

  it('that are not whole are not looked at', async () => {
    writeFileSync(path, 'x');
    const descriptor = openSync(path, 'r');
    const check = new PageCheck(descriptor, 0, layout);
    const bytes = Buffer.from(new ArrayBuffer(size));
    page(0, { checksum: 1 }).copy(bytes);
    const part = bytes.subarray(0, size - 1);
    await check.look(part, 0);
    closeSync(descriptor);
    expect(check).toMatchObject(nothing);
  });
});
