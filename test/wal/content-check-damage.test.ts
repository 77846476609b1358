// What the structure of a segment can tell, as properties: a flipped byte, garbage, and what an older segment left.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkUnitBytes } from '../../src/wal/content-check.ts';
import { shortHeader } from './header-bytes.ts';
import { defaults, invalid, judge, megabyte, segment, segmentBytes, whole } from './segment-bytes.ts';

const blockSize = defaults.blockSize;
const pages = megabyte / blockSize;
const anyFlip = fc.integer({ min: 1, max: 255 });
const chunks = [8 * chunkUnitBytes];

/** The bytes with one of them changed. */
function flipped(bytes: Buffer, at: number, mask: number): Buffer {
  const damaged = Buffer.from(bytes);
  damaged[at]! ^= mask;
  return damaged;
}

// Offsets in XLogPageHeaderData and XLogLongPageHeaderData (reference, trap T7). The timeline of a page may be any that
// is not newer than the name's, the flags other than "long header" and xlp_rem_len are the records' business, and a
// multiple of the block size would see every second page only.
const judgedOnFirstPage = [...range(0, 2), ...range(8, 16), ...range(24, 36)];
const judgedOnEveryPage = [...range(0, 2), ...range(8, 16)];

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, n) => from + n);
}

describe('one damaged byte in a page header of a segment', () => {
  const made = segmentBytes();

  it('is found in what the first page says of its version, place, cluster and segment size', () => {
    for (const at of judgedOnFirstPage) {
      for (let mask = 1; mask < 256; mask++) {
        expect(judge(segment, flipped(made, at, mask)).problem, `byte ${at}, mask ${mask}`).toBeDefined();
      }
    }
  });

  it('is found in the timeline of the first page when it names a later one or none', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 7 }), anyFlip, (at, mask) => {
        const timeline = 1 ^ (mask * 2 ** (8 * (at - 4)));
        const sentence = `Its first page is of timeline ${timeline >>> 0}; its name says 1.`;
        expect(judge(segment, flipped(made, at, mask))).toEqual(invalid(sentence));
      }),
    );
  });

  it('is found in the version and the place of any page but the last before the end of the WAL', () => {
    const place = fc.record({
      end: fc.integer({ min: 3, max: pages }),
      tail: fc.constantFrom('zero' as const, 'recycled' as const),
      page: fc.nat(),
      at: fc.constantFrom(...judgedOnEveryPage),
      mask: anyFlip,
      unit: fc.integer({ min: 1, max: 16 }),
    });
    fc.assert(
      fc.property(place, ({ end, tail, page, at, mask, unit }) => {
        const damagedPage = 1 + (page % (end - 2));
        const bytes = segmentBytes({ tailFrom: end, tail });
        const damaged = flipped(bytes, damagedPage * blockSize + at, mask);
        const offset = damagedPage * blockSize;
        const [here, hole] = [
          invalid(`Its page at offset ${offset} is damaged.`),
          invalid(`Its pages from offset ${offset} to ${offset + blockSize} are missing or damaged.`),
        ];
        const verdict = judge(segment, damaged, [unit * chunkUnitBytes]);
        // An address before the segment may be of an older one, until the next page goes on where this one should be.
        expect([here, hole]).toContainEqual(verdict);
      }),
      { numRuns: 400 },
    );
  });

  it('is none where nothing of the structure is said', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: pages - 1 }), fc.integer({ min: 16, max: 8191 }), (page, at) => {
        expect(judge(segment, flipped(made, page * blockSize + at, 0x80))).toEqual(whole);
      }),
    );
  });
});

describe('what follows the end of the WAL in a segment', () => {
  /** A segment with `tail` from a page on; a page of it that is undefined stays zero. */
  function withTail(end: number, tail: (page: number) => Uint8Array | undefined): Buffer {
    const bytes = segmentBytes({ tailFrom: end });
    for (let page = end; page < pages; page++) bytes.set(tail(page) ?? [], page * blockSize);
    return bytes;
  }
  const anyEnd = fc.integer({ min: 1, max: pages - 1 });
  const older = (page: number, segmentsBack: number, timeline = 1): Uint8Array =>
    shortHeader({
      ...defaults,
      info: 0,
      timeline,
      pageAddress: defaults.pageAddress - BigInt(segmentsBack * megabyte) + BigInt(page * blockSize),
    });

  it('is damage when it is garbage, wherever it begins', () => {
    const garbage = fc.uint8Array({ minLength: 24, maxLength: 24 });
    fc.assert(
      fc.property(anyEnd, garbage, (end, random) => {
        // One in 65,536 would begin like a page, and 16 zeros are what a switch leaves.
        fc.pre(random[0] !== 0x10 || random[1] !== 0xd1);
        fc.pre(random.subarray(0, 16).some((byte) => byte !== 0));
        const bytes = withTail(end, () => random);
        expect(judge(segment, bytes, chunks)).toEqual(
          invalid(`Its page at offset ${end * blockSize} is damaged.`),
        );
      }),
    );
  });

  it('is damage when only one page of an honest tail is garbage', () => {
    fc.assert(
      fc.property(anyEnd, fc.nat(), fc.integer({ min: 1, max: 20 }), (end, some, back) => {
        const wrong = end + (some % (pages - end));
        const bytes = withTail(end, (page) =>
          page === wrong ? new Uint8Array(24).fill(0x5a) : older(page, back),
        );
        expect(judge(segment, bytes, chunks)).toEqual(
          invalid(`Its page at offset ${wrong * blockSize} is damaged.`),
        );
      }),
    );
  });

  it('is damage when it is of another version of PostgreSQL', () => {
    const bytes = withTail(50, () => shortHeader({ ...defaults, magic: 0xd10d, pageAddress: 0x100_0000n }));
    expect(judge(segment, bytes)).toEqual(invalid(`Its page at offset ${50 * blockSize} is damaged.`));
  });

  it('may be pages of older segments, which were used again and again, and zeros', () => {
    // Each use of the file wrote a shorter part of it: what is left of the older segments stands in layers.
    const layers = fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 5000 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(anyEnd, layers, fc.boolean(), (end, left, endsInZeros) => {
        const bytes = withTail(end, (page) => {
          let from = end;
          for (const [length, back] of left) {
            from += length;
            if (page < from) return older(page, back, 1 + (back % 3));
          }
          return endsInZeros ? undefined : older(page, 5001);
        });
        expect(judge(segment, bytes, chunks)).toEqual(whole);
        expect(judge(`${segment}.partial`, bytes, chunks)).toEqual(whole);
      }),
    );
  });

  it.each([
    ['the other byte order', { littleEndian: false }],
    ['the layout of 9.2', { magic: 0xd071, legacyLayout: true }],
    ['9.0 of the other byte order', { magic: 0xd064, legacyLayout: true, littleEndian: false }],
  ])('is told apart in %s, too', (_, fields) => {
    const made = { ...fields, tailFrom: 50 };
    expect(judge(segment, segmentBytes({ ...made, tail: 'recycled' }))).toEqual(whole);
    const later = segmentBytes({ ...made, pages: { 50: { claims: 0x17_0000_0000n } } });
    expect(judge(segment, later)).toEqual(invalid(`Its page at offset ${50 * blockSize} is damaged.`));
  });

  it('may be pages whose headers are zero and whose bodies are not: a switch since 11 zeroes only those', () => {
    const bytes = withTail(50, () => Buffer.concat([Buffer.alloc(24), Buffer.alloc(8192 - 24, 0x5a)]));
    expect(judge(segment, bytes)).toEqual(whole);
  });
});
