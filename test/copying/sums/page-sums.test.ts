// The sums of chunks against the same worked out slowly: byte by byte, word by word.
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checksumOfBytes } from '../../../src/backup/source/file-checksum.ts';
import { Proving, proofOf } from '../../../src/copying/proof.ts';
import { Crc32c } from '../../../src/copying/sums/crc32c.ts';
import { pageBytes } from '../../../src/copying/sums/page.ts';
import { checksumOf, pageChecksums, sumChunk } from '../../../src/copying/sums/page-sums.ts';
import { chunkBytes } from '../../../src/copying/target.ts';
import { crc32c } from '../../../src/wal/crc32c.ts';
import { checksumOf as slowChecksumOf, colliding } from '../../backup/source/page-checksum.ts';

/** Lengths around every border that there is: of blocks, pages, chunks. */
const borders = [
  0,
  1,
  64,
  127,
  128,
  129,
  255,
  256,
  4096,
  pageBytes - 1,
  pageBytes,
  pageBytes + 1,
  3 * pageBytes,
];
const long = [chunkBytes - 1, chunkBytes, chunkBytes + 1, 2 * chunkBytes + pageBytes + 77];

function hexOf(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(crc);
  return bytes.toString('hex');
}

describe('the CRC-32C of a file', () => {
  it('is that of the standard', () => {
    expect(checksumOfBytes(Buffer.from('123456789'), 'CRC32C')).toBe(hexOf(0xe306_9283));
    // RFC 3720, B.4.
    expect(checksumOfBytes(Buffer.alloc(32), 'CRC32C')).toBe(hexOf(0x8a91_36aa));
    expect(checksumOfBytes(Buffer.alloc(32, 0xff), 'CRC32C')).toBe(hexOf(0x62a8_ab43));
  });

  it.each([...borders, ...long])('of %i bytes is what it is byte by byte', (length) => {
    const bytes = randomBytes(length);
    expect(checksumOfBytes(bytes, 'CRC32C')).toBe(hexOf(crc32c(bytes)));
  });

  it('is the same of whatever it is put together', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 6 }), (parts) => {
        const sum = new Crc32c();
        for (const part of parts) {
          const bytes = Buffer.from(part);
          for (const crc of sumChunk(bytes).crcs!) sum.add(crc, bytes.length);
        }
        expect(sum.value).toBe(crc32c(Buffer.concat(parts)));
      }),
    );
  });
});

describe('the sums of a chunk', () => {
  it('hold the checksums that PostgreSQL has of its pages', () => {
    const bytes = randomBytes(5 * pageBytes + 100);
    const sums = sumChunk(bytes);
    const block = 131_072 + 64;
    const whole = Array.from({ length: 5 }, (_, page) =>
      bytes.subarray(page * pageBytes, (page + 1) * pageBytes),
    );
    const found = whole.map((each, page) => checksumOf(sums, page, each.readUInt16LE(8), block + page));
    expect(found).toEqual(whole.map((each, page) => slowChecksumOf(each, block + page)));
    expect([...pageChecksums(bytes, bytes.length, pageBytes, block).subarray(0, 5)]).toEqual(found);
  });

  it.each([1024, 2048, 4096])('are others for pages of %i bytes', (size) => {
    const bytes = randomBytes(4 * size);
    const found = [...pageChecksums(bytes, bytes.length, size, 7).subarray(0, 4)];
    expect(found).toEqual(
      [0, 1, 2, 3].map((page) => slowChecksumOf(bytes.subarray(page * size), 7 + page, size)),
    );
  });

  it('tell any byte of any page, also in the place of its checksum, and where a page ends', () => {
    const bytes = randomBytes(2 * pageBytes + 500);
    const digests = (of: Buffer): string[] =>
      sumChunk(of, 'digests').digests.toString('hex').match(/.{16}/g)!;
    const before = digests(bytes);
    for (const at of [0, 8, 9, 10, 127, 128, pageBytes - 1, pageBytes + 8, 2 * pageBytes + 499]) {
      const other = Buffer.from(bytes);
      other[at]! ^= 1;
      const changed = digests(other).map((each, page) => each !== before[page]);
      expect([at, changed]).toEqual([at, [0, 1, 2].map((page) => page === Math.floor(at / pageBytes))]);
    }
    const zeros = Buffer.concat([bytes, Buffer.alloc(1)]);
    expect(digests(zeros)[2]).not.toBe(before[2]);
    expect(sumChunk(bytes).digests.toString('hex')).toBe(before.join(''));
    expect(sumChunk(bytes, 'digests').crcs).toBeUndefined();
  });
});

describe('the proof of a file', () => {
  it('is the same however it came, and tells a byte, an order and a length', () => {
    const bytes = randomBytes(chunkBytes + 2 * pageBytes + 9);
    for (const whole of [true, false]) {
      const proof = proofOf(bytes, whole);
      expect(proof).toMatch(/^[0-9a-f]{24}$/);
      const proving = new Proving(whole);
      for (const part of [bytes.subarray(0, chunkBytes), bytes.subarray(chunkBytes)])
        proving.add(sumChunk(part));
      expect(proving.result()).toBe(proof);
      for (const at of [0, chunkBytes - 1, chunkBytes, bytes.length - 1]) {
        const other = Buffer.from(bytes);
        other[at]! ^= 1;
        expect(proofOf(other, whole)).not.toBe(proof);
      }
      const turned = Buffer.concat([
        bytes.subarray(pageBytes, 2 * pageBytes),
        bytes.subarray(0, pageBytes),
        bytes.subarray(2 * pageBytes),
      ]);
      expect(proofOf(turned, whole)).not.toBe(proof);
      expect(proofOf(Buffer.concat([bytes, Buffer.alloc(1)]), whole)).not.toBe(proof);
    }
  });

  it('of a file that is kept does not rest on digests alone', () => {
    const bytes = randomBytes(pageBytes);
    expect(proofOf(colliding(bytes), true)).toBe(proofOf(bytes, true));
    expect(proofOf(colliding(bytes), false)).not.toBe(proofOf(bytes, false));
  });
});
