import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pageIsAt, parseLongPageHeader } from '../../src/wal/page-header.ts';
import { segmentSizes } from './arbitraries.ts';
import { longHeader, shortHeader, type HeaderFields } from './header-bytes.ts';

/** From trap T7 of the reference: every release's XLOG_PAGE_MAGIC, written out again on purpose. */
const releases: [version: string, magic: number, legacyLayout: boolean][] = [
  ['9.0', 0xd064, true],
  ['9.1', 0xd066, true],
  ['9.2', 0xd071, true],
  ['9.3', 0xd075, false],
  ['9.4', 0xd07e, false],
  ['9.5', 0xd087, false],
  ['9.6', 0xd093, false],
  ['10', 0xd097, false],
  ['11', 0xd098, false],
  ['12', 0xd101, false],
  ['13', 0xd106, false],
  ['14', 0xd10d, false],
  ['15', 0xd110, false],
  ['16', 0xd113, false],
  ['17', 0xd116, false],
  ['18', 0xd118, false],
  ['19', 0xd121, false],
];

const claims = {
  magic: 0xd110,
  timeline: 0x1020304,
  pageAddress: 0x16_b300_0000n,
  systemIdentifier: 0x6b00f0103e9a6e17n,
  segmentSize: 16 * 1024 * 1024,
  blockSize: 8192,
  littleEndian: true,
  legacyLayout: false,
};
/** A first page of 15: the long flag is set. */
const fields: HeaderFields = { ...claims, info: 0x0002 };

function parse(changes: Partial<HeaderFields>): ReturnType<typeof parseLongPageHeader> {
  return parseLongPageHeader(longHeader({ ...fields, ...changes }));
}

describe.each([true, false])('a segment of a cluster with littleEndian %s', (littleEndian) => {
  it.each(releases)('of PostgreSQL %s says whose it is', (version, magic, legacyLayout) => {
    const cluster = { magic, littleEndian, legacyLayout };
    expect(parse(cluster)).toEqual({ ...claims, ...cluster, version, newer: false });
  });

  it.each([
    ['a beta of 9.1', 0xd065, true],
    ['a development version of 9.3', 0xd074, false],
    ['a beta of 17', 0xd115, false],
    ['an early 19', 0xd11f, false],
    ['a later 19', 0xd120, false],
  ])('of %s is read without a version', (_, magic, legacyLayout) => {
    const read = { version: undefined, newer: false, littleEndian, pageAddress: fields.pageAddress };
    expect(parse({ magic, littleEndian, legacyLayout })).toMatchObject(read);
    expect(parse({ magic, littleEndian, legacyLayout, segmentSize: 5 })).toHaveProperty('problem');
  });

  it.each([0xd122, 0xd1ff, 0xd1d5, 0xd5d1, 0xd300, 0xdfff])(
    'of a newer release is read and not refused, whatever its sizes: magic %d',
    (magic) => {
      const odd = { magic, littleEndian, segmentSize: 3, blockSize: 5 };
      const read = { version: undefined, newer: true, systemIdentifier: fields.systemIdentifier };
      expect(parse(odd)).toMatchObject({ ...odd, ...read });
    },
  );

  it.each([
    [0xd05e, '8.2'],
    [0xd061, 'before 9.0'],
    [0xd062, '8.3'],
    [0xd063, '8.4'],
  ])('of a release before 9.0 is too old, and the version named: magic %d', (magic, version) => {
    const problem = `is WAL of PostgreSQL ${version}, which is too old`;
    expect(parse({ magic, littleEndian, legacyLayout: true })).toEqual({ problem });
  });

  it.each([0xd066, 0xd110])(
    'is read from exactly its header, and not from a byte less: magic %d',
    (magic) => {
      const legacyLayout = magic < 0xd075;
      const bytes = longHeader({ ...fields, magic, littleEndian, legacyLayout });
      expect(bytes).toHaveLength(legacyLayout ? 32 : 40);
      expect(parseLongPageHeader(bytes)).toHaveProperty('systemIdentifier', fields.systemIdentifier);
      for (let length = 0; length < bytes.length; length += 1) {
        const problem = `is too short for a WAL page header (${length} bytes)`;
        expect(parseLongPageHeader(bytes.subarray(0, length))).toEqual({ problem });
      }
    },
  );

  it('gives back every value put in', () => {
    const word = fc.integer({ min: 0, max: 0xffff_ffff });
    const long = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    const release = fc.constantFrom(...releases);
    const sizes = fc.tuple(fc.constantFrom(...segmentSizes), fc.integer({ min: 10, max: 16 }));
    fc.assert(
      fc.property(
        release,
        word,
        long,
        long,
        sizes,
        ([, magic, legacyLayout], timeline, at, id, [size, power]) => {
          const put = { magic, littleEndian, legacyLayout, timeline, pageAddress: at, systemIdentifier: id };
          const all = { ...put, segmentSize: size, blockSize: 2 ** power };
          expect(parse(all)).toMatchObject(all);
        },
      ),
    );
  });
});

describe('the first page of a segment', () => {
  it('of a real 15 cluster is read', () => {
    const hex =
      '10d102000100000000000001000000000000000000000000176e9a3e10f0006b00000001002000007200000000000000';
    expect(parseLongPageHeader(Buffer.from(hex, 'hex'))).toEqual({
      magic: 0xd110,
      version: '15',
      newer: false,
      littleEndian: true,
      legacyLayout: false,
      timeline: 1,
      pageAddress: 0x100_0000n,
      systemIdentifier: 7710426514618740247n,
      segmentSize: 16 * 1024 * 1024,
      blockSize: 8192,
    });
  });

  it('may carry further flags', () => {
    const hex = '10d10700010000000000600000000000d900000000000000fd5dc3bd0ff0006b0000100000200000';
    expect(parseLongPageHeader(Buffer.from(hex, 'hex'))).toMatchObject({
      pageAddress: 0x60_0000n,
      segmentSize: 1024 * 1024,
    });
  });

  it('is read where it lies in a larger buffer', () => {
    const buffer = new Uint8Array(100).fill(0xff);
    buffer.set(longHeader(fields), 13);
    expect(parseLongPageHeader(buffer.subarray(13))).toHaveProperty(
      'systemIdentifier',
      fields.systemIdentifier,
    );
  });

  it.each([
    ['is all zeros', new Uint8Array(8192)],
    ['has no WAL page header (magic number 0x0000)', new Uint8Array(8192).fill(1, 8191)],
    ['has no WAL page header (magic number 0x1234)', new Uint8Array(64).fill(0x34).fill(0x12, 1, 2)],
    ['has no WAL page header (magic number 0xD05D)', longHeader({ ...fields, magic: 0xd05d })],
    ['has no WAL page header (magic number 0xE110)', longHeader({ ...fields, magic: 0xe110 })],
    ['does not begin with the first page of a segment', longHeader({ ...fields, info: 0x0005 })],
    ['claims an impossible segment size (0 bytes)', longHeader({ ...fields, segmentSize: 0 })],
    ['claims an impossible segment size (524288 bytes)', longHeader({ ...fields, segmentSize: 524288 })],
    ['claims an impossible segment size (2147483648 bytes)', longHeader({ ...fields, segmentSize: 2 ** 31 })],
    ['claims an impossible WAL block size (512 bytes)', longHeader({ ...fields, blockSize: 512 })],
    ['claims an impossible WAL block size (8191 bytes)', longHeader({ ...fields, blockSize: 8191 })],
    ['claims an impossible WAL block size (131072 bytes)', longHeader({ ...fields, blockSize: 131072 })],
  ])('is refused when it %s', (problem, bytes) => {
    expect(parseLongPageHeader(bytes)).toEqual({ problem });
  });

  it('is never a fault, whatever the bytes', () => {
    const magicFirst = fc
      .tuple(fc.uint8Array({ minLength: 2, maxLength: 64 }), fc.boolean())
      .map(([bytes, big]) => {
        bytes[big ? 0 : 1] = 0xd1;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(magicFirst, fc.uint8Array()), (bytes) => {
        expect(parseLongPageHeader(bytes)).toBeTypeOf('object');
      }),
    );
  });
});

describe.each([true, false])('a later page of a cluster with littleEndian %s', (littleEndian) => {
  describe.each([
    [0xd071, true],
    [0xd118, false],
  ])('with magic %d', (magic, legacyLayout) => {
    const expected = { magic, littleEndian, legacyLayout };
    const page = { ...expected, info: 0, timeline: 1, pageAddress: 0x16_b300_2000n };
    const view = new DataView(new ArrayBuffer(64));
    new Uint8Array(view.buffer).set(shortHeader(page), 24);

    it('is where it says it is', () => {
      expect(pageIsAt(view, 24, expected, 0x16, 0xb300_2000)).toBe(true);
    });

    it('is nowhere else, and of no other version', () => {
      expect(pageIsAt(view, 24, expected, 0x17, 0xb300_2000)).toBe(false);
      expect(pageIsAt(view, 24, expected, 0x16, 0xb300_4000)).toBe(false);
      expect(pageIsAt(view, 24, expected, 0xb300_2000, 0x16)).toBe(false);
      expect(pageIsAt(view, 24, { ...expected, magic: magic + 1 }, 0x16, 0xb300_2000)).toBe(false);
      expect(pageIsAt(view, 24, { ...expected, littleEndian: !littleEndian }, 0x16, 0xb300_2000)).toBe(false);
      expect(pageIsAt(view, 16, expected, 0x16, 0xb300_2000)).toBe(false);
    });

    it('is not there when the bytes end before its header does', () => {
      const whole = shortHeader(page);
      expect(pageIsAt(new DataView(whole.buffer, 0, 16), 0, expected, 0x16, 0xb300_2000)).toBe(true);
      expect(pageIsAt(new DataView(whole.buffer, 0, 15), 0, expected, 0x16, 0xb300_2000)).toBe(false);
    });
  });
});

it('the second page of a real 15 segment is where it says it is', () => {
  const bytes = Buffer.from('10d10500010000000020000300000000ed14000000000000', 'hex');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const expected = { magic: 0xd110, littleEndian: true, legacyLayout: false };
  expect(pageIsAt(view, 0, expected, 0, 0x300_2000)).toBe(true);
});
