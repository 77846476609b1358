// Whether a record is there, whole: within a page, over pages and segments, cut off, damaged, given up. What a record looks
// like is written down here once more, with a checksum that goes bit by bit.
import { describe, expect, it } from 'vitest';
import { isRecordAt } from '../../src/wal/record.ts';
import { crc32c } from '../harness/crc32c.ts';

const blockSize = 8192;
const segmentSize = 1024 * 1024;
const sizes = { blockSize, segmentSize };

/** A record of so many bytes; its checksum covers what follows its header, then the header up to it. */
function recordOf(length: number): Buffer {
  const record = Buffer.alloc(length, 0x5a);
  record.fill(0, 0, 24);
  record.writeUInt32LE(length, 0);
  record.writeUInt32LE(731, 4);
  record.writeUInt32LE(crc32c(Buffer.concat([record.subarray(24), record.subarray(0, 20)])), 20);
  return record;
}

/** Pages of WAL with a record at an LSN, as the server lays it out: a header on each page, a long one on a segment's first. */
function pagesWith(lsn: bigint, record: Uint8Array): Map<bigint, Buffer> {
  const pages = new Map<bigint, Buffer>();
  let at = lsn;
  for (let written = 0; written < record.length;) {
    const offset = Number(at % BigInt(blockSize));
    const start = at - BigInt(offset);
    const from = Math.max(offset, start % BigInt(segmentSize) === 0n ? 40 : 24);
    const page = Buffer.alloc(blockSize);
    const part = record.subarray(written, written + blockSize - from);
    page.set(part, from);
    pages.set(start, page);
    written += part.length;
    at = start + BigInt(blockSize);
  }
  return pages;
}

const isThere = (lsn: bigint, pages: Map<bigint, Buffer>): boolean =>
  isRecordAt(lsn, sizes, (start) => pages.get(start));

/** Where records begin, and how long they are. */
const places: [string, bigint, number][] = [
  ['within a page', 0x50_0100n, 100],
  ['without content', 0x50_0100n, 24],
  ['at the start of a page', 0x50_2000n, 100],
  ['at the start of a segment', 0x50_0000n, 100],
  ['that ends with its page', 0x50_0100n, 8192 - 0x100],
  ['whose header goes over to the next page', 0x50_1ff8n, 100],
  ['over several pages', 0x50_1f00n, 30_000],
  ['over a whole segment', 0x4f_ff00n, 1_100_000],
];

describe('a record', () => {
  it('is checked with the CRC that everybody knows', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe306_9283);
  });

  it.each(places)('%s is found', (_, lsn, length) => {
    expect(isThere(lsn, pagesWith(lsn, recordOf(length)))).toBe(true);
  });

  it.each(places)('%s is none with a wrong bit anywhere', (_, lsn, length) => {
    for (const wrong of [0, 5, 21, length - 1].filter((index) => index < length)) {
      const record = recordOf(length);
      record[wrong]! ^= 0x10;
      expect(isThere(lsn, pagesWith(lsn, record))).toBe(false);
    }
  });

  it.each(places.slice(5))('%s is none without its last page', (_, lsn, length) => {
    const pages = pagesWith(lsn, recordOf(length));
    pages.delete([...pages.keys()].at(-1)!);
    expect(isThere(lsn, pages)).toBe(false);
  });

  it('is not found in zeros, or where there is nothing', () => {
    expect(isThere(0x50_0100n, new Map([[0x50_0000n, Buffer.alloc(blockSize)]]))).toBe(false);
    expect(isThere(0x50_0100n, new Map())).toBe(false);
  });

  it('that was given up is followed by the one that takes its place', () => {
    const pages = pagesWith(0x50_1f00n, recordOf(500));
    const [[next, page]] = [...pagesWith(0x50_2000n, recordOf(64))] as [[bigint, Buffer]];
    pages.set(next, page);
    expect(isThere(0x50_1f00n, pages)).toBe(false);
    page.writeUInt16LE(0x0008, 2);
    expect(isThere(0x50_1f00n, pages)).toBe(true);
  });
});
