import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chunkUnitBytes } from '../../src/wal/content-check.ts';
import { segmentSizes } from './arbitraries.ts';
import {
  cluster,
  foreign,
  invalid,
  judge,
  megabyte,
  newerCluster,
  segment,
  segmentBytes,
  sixteen,
  whole,
  type Made,
} from './segment-bytes.ts';

describe('a segment', () => {
  it.each(segmentSizes.filter((size) => size <= 64 * megabyte))('of %i bytes is whole', (segmentSize) => {
    const bytes = segmentBytes({ segmentSize, pageAddress: 0x16_0000_0000n + BigInt(segmentSize) });
    expect(judge('000000010000001600000001', bytes)).toEqual(whole);
  });

  it.each([
    ['the smallest block size', { blockSize: 1024 }],
    ['the largest block size', { blockSize: 65_536 }],
    ['the other byte order', { littleEndian: false }],
    ['the layout of 9.2', { magic: 0xd071, legacyLayout: true }],
    ['9.0 of the other byte order', { magic: 0xd064, legacyLayout: true, littleEndian: false }],
    ['a first page of the parent timeline', { timeline: 1 }, '00000005000000160000000B'],
    ['the last segment of 4 GB', { pageAddress: 0x16_fff0_0000n }, '000000010000001600000FFF'],
    ['the highest LSN', { pageAddress: 0xffff_ffff_fff0_0000n }, '00000001FFFFFFFF00000FFF'],
  ] as [string, Made, string?][])('with %s is whole', (_, fields, name = segment) => {
    expect(judge(name, segmentBytes(fields))).toEqual(whole);
    expect(judge(`${name}.partial`, segmentBytes(fields))).toEqual(whole);
  });

  it('is whole in whatever multiples of 64 kB it comes', () => {
    const bytes = segmentBytes();
    const damaged = segmentBytes({ pages: { 77: { claims: 'zero' } } });
    const hole = invalid(`Its pages from offset ${77 * 8192} to ${78 * 8192} are missing or damaged.`);
    const lengths = fc.array(fc.integer({ min: 1, max: 17 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(lengths, (units) => {
        const chunks = units.map((unit) => unit * chunkUnitBytes);
        expect(judge(segment, bytes, chunks)).toEqual(whole);
        expect(judge(segment, damaged, chunks)).toEqual(hole);
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ['zeros', 'zero', 1],
    ['zeros', 'zero', 64],
    ['zeros', 'zero', 127],
    ['what an older segment left', 'recycled', 1],
    ['what an older segment left', 'recycled', 64],
    ['what an older segment left', 'recycled', 127],
  ] as const)('that was switched may end in %s (%s from page %i on)', (_, tail, tailFrom) => {
    expect(judge(segment, segmentBytes({ tailFrom, tail }))).toEqual(whole);
    expect(judge(`${segment}.partial`, segmentBytes({ tailFrom, tail }))).toEqual(whole);
  });

  it('that was switched may end in older pages and then zeros', () => {
    const pages = Object.fromEntries(
      Array.from({ length: 30 }, (_, n) => [98 + n, { claims: 'zero' as const }]),
    );
    expect(judge(segment, segmentBytes({ tailFrom: 50, tail: 'recycled', pages }))).toEqual(whole);
  });

  it('that a new timeline wrote over what the old one left beyond the fork may end in newer pages', () => {
    // RemoveNonParentXlogFiles (xlog.c) reuses those files in the order of the directory.
    const pages = Object.fromEntries(
      Array.from({ length: 78 }, (_, n) => [50 + n, { claims: 0x16_0120_0000n + 8192n * BigInt(50 + n) }]),
    );
    expect(judge(segment, segmentBytes({ tailFrom: 50, pages }))).toEqual(whole);
  });

  it.each([
    ['is zero', 'zero'],
    ['is of an older segment', 0x16_0030_0000n + 8192n * 77n],
    ['is of a newer segment', 0x17_00b0_0000n + 8192n * 77n],
  ] as const)('with a page in the middle that %s lacks that page', (_, claims) => {
    const bytes = segmentBytes({ pages: { 77: { claims } } });
    expect(judge(segment, bytes)).toEqual(
      invalid(`Its pages from offset ${77 * 8192} to ${78 * 8192} are missing or damaged.`),
    );
  });

  it.each([
    ['of the page before it', 0x16_00b0_0000n + 8192n * 76n],
    ['of the page after it', 0x16_00b0_0000n + 8192n * 78n],
    ['of the first byte of its segment', 0x16_00b0_0000n],
    ['of another place in an older segment', 0x16_0030_0000n + 8192n * 78n],
  ] as const)('with a page in the middle or at its end that is %s is damaged', (_, claims) => {
    const damaged = invalid(`Its page at offset ${77 * 8192} is damaged.`);
    expect(judge(segment, segmentBytes({ pages: { 77: { claims } } }))).toEqual(damaged);
    expect(judge(segment, segmentBytes({ tailFrom: 77, pages: { 77: { claims } } }))).toEqual(damaged);
  });

  it('with a hole of many pages names where the hole begins and ends', () => {
    const pages = Object.fromEntries(
      Array.from({ length: 60 }, (_, n) => [20 + n, { claims: 'zero' as const }]),
    );
    expect(judge(segment, segmentBytes({ pages }))).toEqual(
      invalid(`Its pages from offset ${20 * 8192} to ${80 * 8192} are missing or damaged.`),
    );
  });

  it('with a page of another version in the middle is damaged', () => {
    const bytes = segmentBytes();
    bytes.writeUInt16LE(0xd113, 10 * 8192);
    expect(judge(segment, bytes)).toEqual(invalid(`Its page at offset ${10 * 8192} is damaged.`));
  });

  it('in which any one page but the last is zero is damaged', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 126 }), (page) => {
        const bytes = segmentBytes({ pages: { [page]: { claims: 'zero' } } });
        expect(judge(segment, bytes).problem?.kind).toBe('invalid');
      }),
      { numRuns: 30 },
    );
  });

  it('that ends early is cut short', () => {
    const bytes = segmentBytes();
    expect(judge(segment, bytes.subarray(0, 8 * chunkUnitBytes), undefined, megabyte)).toEqual(
      invalid(`It ended after ${8 * chunkUnitBytes} of ${megabyte} bytes.`),
    );
    expect(judge(segment, bytes.subarray(0, 700_001), undefined, megabyte)).toEqual(
      invalid(`It ended after 700001 of ${megabyte} bytes.`),
    );
  });

  it.each([0, 1, 8192, megabyte - 1, megabyte + 1, 3 * megabyte])(
    'of %i bytes has no size of a segment',
    (size) => {
      const bytes =
        size > megabyte ? Buffer.concat([segmentBytes(), Buffer.alloc(size - megabyte)]) : segmentBytes();
      expect(judge(segment, bytes.subarray(0, size))).toEqual(
        invalid(`It is ${size} bytes long, which is no segment size.`),
      );
    },
  );

  it('that holds nothing although its size promised something is empty', () => {
    expect(judge(segment, Buffer.alloc(0), undefined, sixteen)).toEqual(invalid('It is empty.'));
  });

  it.each([
    ['all zeros', Buffer.alloc(megabyte), 'Its first page is all zeros.'],
    ['text', Buffer.alloc(megabyte, 'x'), 'Its first page has no WAL page header (magic number 0x7878).'],
    ['of 8.3', segmentBytes({ magic: 0xd062 }), 'Its first page is WAL of PostgreSQL 8.3, which is too old.'],
    [
      'a page from the middle',
      segmentBytes({ info: 0 }),
      'Its first page does not begin with the first page of a segment.',
    ],
  ])('that is %s is none', (_, bytes, sentence) => {
    expect(judge(segment, bytes)).toEqual(invalid(sentence));
  });

  it('of another cluster is whole, but not ours', () => {
    expect(judge(segment, segmentBytes({ systemIdentifier: foreign }))).toEqual({
      problem: {
        kind: 'foreign',
        sentence: `It belongs to system identifier ${foreign}; this cluster is ${cluster.systemIdentifier}.`,
      },
      warning: undefined,
    });
  });

  it('cut to half of the size its header has is refused', () => {
    const half = segmentBytes({ segmentSize: sixteen }).subarray(0, sixteen / 2);
    expect(judge('000000010000001600000000', half)).toEqual(
      invalid(`It is ${sixteen / 2} bytes long; its segments have ${sixteen} bytes.`),
    );
  });

  it.each([
    [megabyte, '000000010000001600001000', '00000FFF'],
    [sixteen, '000000010000001600000100', '000000FF'],
    [64 * megabyte, '000000010000001600000040', '0000003F'],
  ])('of %i bytes cannot be called %s', (segmentSize, name, last) => {
    expect(judge(name, segmentBytes({ segmentSize }))).toEqual(
      invalid(`No segment of ${segmentSize} bytes has this name: the last eight digits end at ${last}.`),
    );
  });

  it.each([
    ['00000001000000160000000A', '16/A00000'],
    ['00000001000000150000000B', '15/B00000'],
    ['000000010000001600000000', '16/0'],
  ])('recycled or misnamed as %s is refused', (name, said) => {
    expect(judge(name, segmentBytes())).toEqual(
      invalid(`It holds WAL from 16/B00000; its name says ${said}.`),
    );
  });

  it.each([
    [2, 1],
    [0, 1],
  ])('of timeline %i cannot carry a name of timeline %i', (timeline, named) => {
    expect(judge(segment, segmentBytes({ timeline }))).toEqual(
      invalid(`Its first page is of timeline ${timeline}; its name says ${named}.`),
    );
  });
});

describe('a segment of a version newer than this program', () => {
  const newer = (name: string, magic = '0xD1AA') =>
    `${name} was written by a version of PostgreSQL that this twowarm does not know (page magic ${magic})`;
  const judgeNewer = (name: string, bytes: Uint8Array, size = bytes.length) =>
    judge(name, bytes, undefined, size, newerCluster);

  it.each([segment, `${segment}.partial`])('passes with a warning where the server is newer: %s', (name) => {
    expect(judgeNewer(name, segmentBytes({ magic: 0xd1aa }))).toEqual({
      problem: undefined,
      warning: newer(name),
    });
  });

  it('passes whatever else is in it, because nothing of it is known', () => {
    const strange = segmentBytes({ magic: 0xd1aa, systemIdentifier: foreign, timeline: 9, tailFrom: 3 });
    const name = '000000010000000000000001';
    expect(judgeNewer(name, strange)).toEqual({ problem: undefined, warning: newer(name) });
  });

  it.each([
    [0xd122, '0xD122', 1902],
    [0xd1aa, '0xD1AA', 1300],
    [0xdfff, '0xDFFF', 0],
  ])('is damage where the server is not newer (%i, %s, control version %i)', (magic, hex, controlVersion) => {
    const server = { ...cluster, controlVersion };
    expect(judge(segment, segmentBytes({ magic }), undefined, megabyte, server)).toEqual(
      invalid(`Its first page has no known magic number (${hex}).`),
    );
  });

  it('of a known version is judged as ever on a newer server', () => {
    expect(judgeNewer(segment, segmentBytes())).toEqual(whole);
    expect(judgeNewer(segment, segmentBytes({ pages: { 5: { claims: 'zero' } } }))).toEqual(
      invalid(`Its pages from offset ${5 * 8192} to ${6 * 8192} are missing or damaged.`),
    );
  });

  it('must still have the size of a segment', () => {
    expect(judgeNewer(segment, segmentBytes({ magic: 0xd1aa }).subarray(0, 8192))).toEqual(
      invalid('It is 8192 bytes long, which is no segment size.'),
    );
  });

  it.each([chunkUnitBytes, 700_001, megabyte - 1])('must not end early, after %i bytes', (length) => {
    const short = segmentBytes({ magic: 0xd1aa }).subarray(0, length);
    expect(judgeNewer(segment, short, megabyte)).toEqual({
      problem: { kind: 'invalid', sentence: `It ended after ${length} of ${megabyte} bytes.` },
      warning: newer(segment),
    });
  });

  it('warns of a pre-release too, and walks its pages', () => {
    const warning = newer(segment, '0xD115');
    expect(judge(segment, segmentBytes({ magic: 0xd115 }))).toEqual({ problem: undefined, warning });
    const damaged = segmentBytes({ magic: 0xd115, pages: { 5: { claims: 'zero' } } });
    const sentence = `Its pages from offset ${5 * 8192} to ${6 * 8192} are missing or damaged.`;
    expect(judge(segment, damaged)).toEqual({ problem: { kind: 'invalid', sentence }, warning });
  });
});
