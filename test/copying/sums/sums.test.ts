// The sums of chunks against the same worked out slowly: byte by byte, word by word; of bytes anywhere, and of such as are where the
// WebAssembly reads them.
import { createCipheriv, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checksumOfBytes } from '../../../src/backup/source/file-checksum.ts';
import { proofOf } from '../../../src/copying/proof.ts';
import { Crc32c, crcsOfParts, partBytes, type PartCrcs } from '../../../src/copying/sums/crc32c.ts';
import { pageBytes } from '../../../src/copying/sums/page.ts';
import { chunkBuffer } from '../../../src/copying/sums/memory.ts';
import { pageChecksums } from '../../../src/copying/sums/page-checksums.ts';
import { PageDigests } from '../../../src/copying/sums/page-digests.ts';
import { chunkBytes } from '../../../src/copying/target.ts';
import { crc32c } from '../../../src/wal/crc32c.ts';
import { checksumOf, colliding } from '../../backup/source/page-checksum.ts';

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

/** The same bytes, at most a chunk, in a buffer that is summed where it is. */
function inPlace(bytes: Buffer): Buffer {
  const buffer = chunkBuffer();
  bytes.copy(buffer);
  return buffer.subarray(0, bytes.length);
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

  it.each(long.filter((length) => length <= chunkBytes))('is the same of %i bytes in place', (length) => {
    const bytes = inPlace(randomBytes(length));
    const sum = new Crc32c();
    sum.add(bytes);
    expect(sum.value).toBe(crc32c(bytes));
  });

  it('is the same of whatever it is put together', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 6 }), (parts) => {
        const sum = new Crc32c();
        for (const part of parts) {
          const bytes = Buffer.from(part);
          sum.add(bytes);
        }
        expect(sum.value).toBe(crc32c(Buffer.concat(parts)));
      }),
    );
  });
});

describe('the CRC-32C of parts of a chunk', () => {
  const whole = Math.ceil(chunkBytes / partBytes);

  it.each([
    [1, [true]],
    [partBytes, [true]],
    [partBytes + 1, [false, true]],
    [3 * partBytes + 100, [true, false, false, true]],
    [chunkBytes, Array<boolean>(whole).fill(true)],
    [chunkBytes, Array<boolean>(whole).fill(false)],
    [chunkBytes, []],
    [chunkBytes - 1, [false, true, true]],
  ])('of %i bytes stands for them where it is known, as in %j', (length, isKnown) => {
    const bytes = randomBytes(length);
    const known: PartCrcs = crcsOfParts(bytes).map((crc, part) => (isKnown[part] === true ? crc : undefined));
    // Whoever knows a part does not look at it.
    const blind = Buffer.from(bytes);
    isKnown.forEach((is, part) => is && blind.subarray(part * partBytes, (part + 1) * partBytes).fill(0xaa));
    const sum = new Crc32c();
    sum.add(Buffer.from('before'));
    sum.add(blind, known);
    sum.add(Buffer.from('after'));
    expect(sum.value).toBe(crc32c(Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')])));
  });
});

describe('the checksums of pages', () => {
  it.each([1024, 2048, 4096, pageBytes, 16_384, 32_768])('of %i bytes are those of PostgreSQL', (size) => {
    const block = 131_072 + 64;
    const bytes = randomBytes(5 * size + 100);
    const wanted = [0, 1, 2, 3, 4].map((page) => checksumOf(bytes.subarray(page * size), block + page, size));
    expect([...pageChecksums(bytes, size, block)]).toEqual(wanted);
    expect([...pageChecksums(inPlace(bytes), size, block)]).toEqual(wanted);
    expect([...pageChecksums(bytes.subarray(0, size - 1), size, block)]).toEqual([]);
  });
});

const mask = (1n << 64n) - 1n;

/** NH of RFC 4418, 5.2.2, word by word: of a page, its length in bytes added to it in the place of that in bits. */
function nh(page: Buffer, key: Buffer): bigint {
  const padded = Buffer.alloc(pageBytes);
  page.copy(padded);
  const sum = (at: number): bigint => BigInt((padded.readUInt32LE(at) + key.readUInt32LE(at)) >>> 0);
  let result = BigInt(page.length);
  for (let block = 0; block < pageBytes; block += 32)
    for (let at = block; at < block + 16; at += 4) result += sum(at) * sum(at + 16);
  return result & mask;
}

function slowDigestOf(page: Buffer, key: Buffer): string {
  const expanded = createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(pageBytes + 16));
  const digest = Buffer.alloc(16);
  digest.writeBigUInt64LE(nh(page, expanded), 0);
  digest.writeBigUInt64LE(nh(page, expanded.subarray(16)), 8);
  return digest.toString('hex');
}

const pagesOf = (bytes: Buffer): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / pageBytes) }, (_, page) =>
    bytes.subarray(page * pageBytes, (page + 1) * pageBytes),
  );

const hexDigests = (bytes: Buffer, digests: PageDigests): string[] =>
  digests.of(bytes).toString('hex').match(/.{32}/g) ?? [];

describe('the digests of pages', () => {
  it.each([...borders, chunkBytes - 1, chunkBytes])('of %i bytes are those of UMAC', (length) => {
    const [bytes, digests] = [randomBytes(length), new PageDigests()];
    const wanted = pagesOf(bytes).map((page) => slowDigestOf(page, digests.key));
    expect(hexDigests(bytes, digests)).toEqual(wanted);
    expect(hexDigests(inPlace(bytes), digests)).toEqual(wanted);
  });

  it('tell any byte of any page, and where a page ends', () => {
    const [bytes, digests] = [randomBytes(2 * pageBytes + 500), new PageDigests()];
    const before = hexDigests(bytes, digests);
    for (const at of [0, 8, 9, 10, 127, 128, pageBytes - 1, pageBytes + 8, 2 * pageBytes + 499]) {
      const other = Buffer.from(bytes);
      other[at]! ^= 1;
      const changed = hexDigests(other, digests).map((each, page) => each !== before[page]);
      expect([at, changed]).toEqual([at, [0, 1, 2].map((page) => page === Math.floor(at / pageBytes))]);
    }
    expect(hexDigests(Buffer.concat([bytes, Buffer.alloc(1)]), digests)[2]).not.toBe(before[2]);
  });

  it('are others under another key, also where two take turns', () => {
    const [one, other] = [new PageDigests(), new PageDigests()];
    const page = randomBytes(pageBytes);
    const [first, second] = [hexDigests(page, one), hexDigests(page, other)];
    expect(second).not.toEqual(first);
    expect(hexDigests(page, one)).toEqual(first);
    expect(hexDigests(page, new PageDigests(other.key))).toEqual(second);
  });

  it('tell pages that were made to have the same checksum', () => {
    const [page, digests] = [randomBytes(pageBytes), new PageDigests()];
    const checksum = (of: Buffer): number => pageChecksums(of, pageBytes, 7)[0]!;
    expect(checksum(colliding(page))).toBe(checksum(page));
    expect(hexDigests(colliding(page), digests)).not.toEqual(hexDigests(page, digests));
  });
});

describe('the proof of a file', () => {
  it('is the same under one key, and tells a byte, an order and a length', () => {
    const bytes = randomBytes(chunkBytes + 2 * pageBytes + 9);
    const digests = new PageDigests();
    const proof = proofOf(bytes, digests);
    expect(proof).toMatch(/^[0-9a-f]{32}$/);
    expect(proofOf(bytes, new PageDigests(digests.key))).toBe(proof);
    expect(proofOf(bytes, new PageDigests())).not.toBe(proof);
    for (const at of [0, chunkBytes - 1, chunkBytes, bytes.length - 1]) {
      const other = Buffer.from(bytes);
      other[at]! ^= 1;
      expect(proofOf(other, digests)).not.toBe(proof);
    }
    const turned = Buffer.concat([
      bytes.subarray(pageBytes, 2 * pageBytes),
      bytes.subarray(0, pageBytes),
      bytes.subarray(2 * pageBytes),
    ]);
    expect(proofOf(turned, digests)).not.toBe(proof);
    expect(proofOf(Buffer.concat([bytes, Buffer.alloc(1)]), digests)).not.toBe(proof);
  });
});

describe('buffers that are summed where they are', () => {
  it('are apart from each other, and as many as are wanted', () => {
    const all = Array.from({ length: 100 }, (_, at) => chunkBuffer(128).fill(at));
    const digests = new PageDigests();
    for (const [at, buffer] of all.entries()) {
      expect(buffer.length).toBe(chunkBytes + 128);
      const chunk = buffer.subarray(0, chunkBytes);
      expect(digests.of(chunk)).toEqual(digests.of(Buffer.alloc(chunkBytes, at)));
      // What is lacking of the last page is not taken from whoever comes next.
      expect(digests.of(chunk.subarray(0, 100))).toEqual(digests.of(Buffer.alloc(100, at)));
    }
    for (const [at, buffer] of all.entries())
      expect(buffer.equals(Buffer.alloc(buffer.length, at))).toBe(true);
  });
});
