import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkContent, chunkUnitBytes, type Problem } from '../../src/wal/content-check.ts';
import { parseWalFileName } from '../../src/wal/filename.ts';
import { segmentSizes } from './arbitraries.ts';
import { longHeader, shortHeader, type HeaderFields } from './header-bytes.ts';

const megabyte = 1024 * 1024;
const sixteen = 16 * megabyte;
const cluster = 7_300_000_000_000_000_001n;
const foreign = 7_300_000_000_000_000_002n;

interface Page {
  /** The address that this page claims, instead of the one it has; 'zero' for a page of zeros. */
  claims?: bigint | 'zero';
}

interface Made extends Partial<HeaderFields> {
  /** What is in the name. */
  name?: string;
  /** The pages from this one on are a tail: zeros, or what an older segment left. */
  tailFrom?: number;
  tail?: 'zero' | 'recycled';
  pages?: Record<number, Page>;
}

const segment = '00000001000000160000000B';
/** What the segment of that name starts with at 1 MB. */
const defaults: HeaderFields = {
  magic: 0xd110,
  info: 0x0002,
  timeline: 1,
  pageAddress: 0x16_00b0_0000n,
  systemIdentifier: cluster,
  segmentSize: megabyte,
  blockSize: 8192,
  littleEndian: true,
  legacyLayout: false,
};

/** A whole segment, page by page, as the server leaves it; between the headers there is something. */
function segmentBytes({ tailFrom = Infinity, tail = 'zero', pages = {}, ...fields }: Made = {}): Buffer {
  const header = { ...defaults, ...fields };
  const bytes = Buffer.alloc(header.segmentSize, 0x5a);
  for (let at = 0; at < bytes.length; at += header.blockSize) {
    const number = at / header.blockSize;
    const own = header.pageAddress + BigInt(at);
    const usual = number < tailFrom ? own : tail === 'zero' ? 'zero' : own - 0x300_0000n;
    const claims = pages[number]?.claims ?? usual;
    if (claims === 'zero') bytes.fill(0, at, at + header.blockSize);
    else if (at === 0) bytes.set(longHeader({ ...header, pageAddress: claims }), at);
    else bytes.set(shortHeader({ ...header, info: 0, pageAddress: claims }), at);
  }
  return bytes;
}

interface Verdict {
  problem: Problem | undefined;
  warning: string | undefined;
}

/** Runs a file through the check in chunks of these lengths, the last one for all that follow. */
function judge(
  name: string,
  bytes: Uint8Array,
  chunks: number[] = [8 * chunkUnitBytes],
  size = bytes.length,
): Verdict {
  const check = checkContent(parseWalFileName(name)!, size, cluster);
  const verdict = (problem: Problem | undefined): Verdict => ({ problem, warning: check.warning() });
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = chunks[Math.min(turn, chunks.length - 1)]!;
    const problem = check.add(bytes.subarray(at, at + length));
    if (problem !== undefined) return verdict(problem);
    at += length;
  }
  return verdict(check.finish());
}

const whole: Verdict = { problem: undefined, warning: undefined };
const invalid = (sentence: string): Verdict => ({
  problem: { kind: 'invalid', sentence },
  warning: undefined,
});

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

  it.each([
    ['is zero', 'zero'],
    ['is of an older address', 0x16_0030_0000n],
    ['is of the page after it', 0x16_00b0_0000n + 8192n * 78n],
    ['is of the same place 4 GB on', 0x17_00b0_0000n + 8192n * 77n],
  ] as const)('with a page in the middle that %s is damaged', (_, claims) => {
    const bytes = segmentBytes({ pages: { 77: { claims } } });
    expect(judge(segment, bytes)).toEqual(
      invalid(`Its pages from offset ${77 * 8192} to ${78 * 8192} are missing or damaged.`),
    );
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
    expect(judge(segment, bytes)).toEqual(
      invalid(`Its pages from offset ${10 * 8192} to ${11 * 8192} are missing or damaged.`),
    );
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
        sentence: `It belongs to system identifier ${foreign}; this cluster is ${cluster}.`,
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
  const newer = (name: string) =>
    `${name} was written by a version of PostgreSQL that this twowarm does not know (page magic 0xD1AA)`;

  it.each([segment, `${segment}.partial`])('passes with a warning: %s', (name) => {
    expect(judge(name, segmentBytes({ magic: 0xd1aa }))).toEqual({
      problem: undefined,
      warning: newer(name),
    });
  });

  it('passes whatever else is in it, because nothing of it is known', () => {
    const strange = segmentBytes({ magic: 0xd1aa, systemIdentifier: foreign, timeline: 9, tailFrom: 3 });
    expect(judge('000000010000000000000001', strange).problem).toBeUndefined();
  });

  it('must still have the size of a segment', () => {
    const { problem } = judge(segment, segmentBytes({ magic: 0xd1aa }).subarray(0, 8192));
    expect(problem?.sentence).toBe('It is 8192 bytes long, which is no segment size.');
  });

  it('warns of a pre-release too, and walks its pages', () => {
    const warning = newer(segment).replace('0xD1AA', '0xD115');
    expect(judge(segment, segmentBytes({ magic: 0xd115 }))).toEqual({ problem: undefined, warning });
    const damaged = segmentBytes({ magic: 0xd115, pages: { 5: { claims: 'zero' } } });
    expect(judge(segment, damaged).problem?.kind).toBe('invalid');
  });
});

describe('a timeline history file', () => {
  const name = '00000003.history';
  const text = '1\t0/5000000\tno recovery target specified\n\n2\t0/9000000\tgrößer\n';

  it.each(['utf8', 'latin1'] as const)('is whole in %s, in one piece and in many', (encoding) => {
    const bytes = Buffer.from(text, encoding);
    expect(judge(name, bytes)).toEqual(whole);
    expect(judge(name, bytes, [1])).toEqual(whole);
  });

  it.each([
    ['is empty', '', 'it is empty'],
    ['lost its end', text.slice(0, -1), 'its last line is incomplete'],
    ['was zeroed', `${text}\0\0`, 'it contains zero bytes'],
    ['names no timeline', '# nothing\n', 'names no timeline'],
    ['names itself', '3\t0/5000000\tx\n', 'line 1: timeline 3 cannot be an ancestor of timeline 3'],
    ['has no LSN', '1\tx\n', 'line 1: expected the LSN of a switch point'],
  ])('that %s is not whole', (_, damaged, phrase) => {
    expect(judge(name, Buffer.from(damaged))).toEqual(invalid(`The history file is not whole: ${phrase}.`));
  });

  it('may be long, but not without end', () => {
    const line = '# a comment of no consequence at all, again and again and again\n';
    const most = Buffer.from(`${line.repeat(60_000)}1\t0/5000000\tx\n`);
    expect(most.length).toBeLessThan(4 * megabyte);
    expect(judge(name, most)).toEqual(whole);
    const more = Buffer.concat([most, Buffer.alloc(4 * megabyte + 1 - most.length, '#')]);
    expect(judge(name, more)).toEqual(invalid('It is larger than any text file of WAL.'));
  });
});

describe('a backup history file', () => {
  const name = `${segment}.00000028.backup`;
  const text = `START WAL LOCATION: 16/B00028 (file ${segment})\nSTOP WAL LOCATION: 16/C00000 (file x)\nLABEL: ü\n`;

  it('is whole when it describes the backup of its name', () => {
    expect(judge(name, Buffer.from(text, 'latin1'))).toEqual(whole);
    expect(judge(name, Buffer.from(text), [7])).toEqual(whole);
  });

  it.each([
    ['is empty', '', 'it is empty'],
    ['lost its end', text.slice(0, -1), 'its last line is incomplete'],
    ['was zeroed', `\0${text}`, 'it contains zero bytes'],
    ['begins elsewhere', `LABEL: x\n${text}`, 'line 1: expected the START WAL LOCATION'],
  ])('that %s is not whole', (_, damaged, phrase) => {
    expect(judge(name, Buffer.from(damaged))).toEqual(
      invalid(`The backup history file is not whole: ${phrase}.`),
    );
  });

  it('of another backup is refused', () => {
    const other = '00000001000000160000000A';
    expect(judge(`${other}.00000028.backup`, Buffer.from(text))).toEqual(
      invalid(`It describes a backup that began in ${segment}; its name says ${other}.`),
    );
  });
});
