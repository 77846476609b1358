// The headers of WAL pages, 9.0 to 19 and what follows: the long one on the first page of a segment, which says
// whose WAL it is, and the place that every page claims to have. Comparing that with a file's name or with the
// cluster is the caller's; records are not read here. Clusters of 32-bit x86 pack these structures differently.

import { isSegmentSize } from './segment.ts';

/** XLOG_PAGE_MAGIC of every release we read (src/include/access/xlog_internal.h). */
const releases: Readonly<Record<number, string>> = {
  0xd064: '9.0',
  0xd066: '9.1',
  0xd071: '9.2',
  0xd075: '9.3',
  0xd07e: '9.4',
  0xd087: '9.5',
  0xd093: '9.6',
  0xd097: '10',
  0xd098: '11',
  0xd101: '12',
  0xd106: '13',
  0xd10d: '14',
  0xd110: '15',
  0xd113: '16',
  0xd116: '17',
  0xd118: '18',
  0xd121: '19',
};
const tooOld: Readonly<Record<number, string>> = { 0xd05e: '8.2', 0xd062: '8.3', 0xd063: '8.4' };
const newestKnown = 0xd121;
const oldestRead = 0xd064;
// 9.3 made the page address one 64-bit number and added xlp_rem_len, which moved what follows by eight bytes.
const lastOfLegacyLayout = 0xd071;
const longHeaderFlag = 0x0002;
const legacyLongSize = 32;
const longSize = 40;

/**
 * The long header of a segment. `version` is '15' or '9.6', undefined when the magic number is no release's: a
 * pre-release, or a release after the newest we know (`newer`; then nothing else was checked, and callers warn
 * rather than refuse). `timeline` is the page's, which after a promotion may be a parent's of the one in the name.
 * `pageAddress` is the LSN of the segment's first byte, sizes are bytes. `legacyLayout` is that of 9.2 and older.
 */
export interface LongPageHeader {
  magic: number;
  version: string | undefined;
  newer: boolean;
  littleEndian: boolean;
  legacyLayout: boolean;
  timeline: number;
  pageAddress: bigint;
  systemIdentifier: bigint;
  segmentSize: number;
  blockSize: number;
}

/**
 * The long header at the start of `bytes` (40 are enough; 9.2 and older have 32), in either byte order, or a short
 * phrase for the DETAIL of an error: "is all zeros" speaks of all the bytes given.
 * Source: XLogLongPageHeaderData in src/include/access/xlog_internal.h.
 */
export function parseLongPageHeader(bytes: Uint8Array): LongPageHeader | { problem: string } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < legacyLongSize) return tooShort(bytes);
  const littleEndian = isLittleEndian(view);
  const magic = view.getUint16(0, littleEndian);
  if (!isMagic(magic)) return noHeader(bytes, magic);
  if (magic < oldestRead) {
    return { problem: `is WAL of PostgreSQL ${tooOld[magic] ?? 'before 9.0'}, which is too old` };
  }
  if ((view.getUint16(2, littleEndian) & longHeaderFlag) === 0) {
    return { problem: 'does not begin with the first page of a segment' };
  }
  if (magic > lastOfLegacyLayout && bytes.length < longSize) return tooShort(bytes);
  const header = readHeader(view, magic, littleEndian);
  const problem = header.newer ? undefined : invalidSize(header);
  return problem === undefined ? header : { problem };
}

/**
 * Whether the page at `offset` of `view` belongs to the same cluster version as `expected` (the segment's long
 * header) and claims to begin at the LSN addressHigh/addressLow. Cheap enough for each page of a segment: the LSN is
 * two 32-bit halves because a bigint a page is not. False when the page does not fit into the view.
 */
export function pageIsAt(
  view: DataView,
  offset: number,
  expected: { magic: number; littleEndian: boolean; legacyLayout: boolean },
  addressHigh: number,
  addressLow: number,
): boolean {
  if (offset + 16 > view.byteLength) return false;
  const { littleEndian } = expected;
  // 9.2 and older store the upper half first whatever the byte order.
  const highFirst = expected.legacyLayout || !littleEndian;
  return (
    view.getUint32(offset + (highFirst ? 12 : 8), littleEndian) === addressLow &&
    view.getUint32(offset + (highFirst ? 8 : 12), littleEndian) === addressHigh &&
    view.getUint16(offset, littleEndian) === expected.magic
  );
}

/**
 * Whether the page at `offset` of `view`, `inSegment` bytes into its segment, can follow the end of the WAL there: zeros
 * after a switch, or a page of the segment whose file was used again, which kept its place within a segment. That one
 * may be newer: a new timeline also reuses what the old one wrote beyond the fork (RemoveNonParentXlogFiles, xlog.c).
 */
export function isEndOfWal(
  view: DataView,
  offset: number,
  expected: { magic: number; littleEndian: boolean; legacyLayout: boolean; segmentSize: number },
  inSegment: number,
): boolean {
  if (offset + 16 > view.byteLength) return false;
  const words = [0, 4, 8, 12].map((at) => view.getUint32(offset + at, expected.littleEndian));
  if (words.every((word) => word === 0)) return true;
  if (view.getUint16(offset, expected.littleEndian) !== expected.magic) return false;
  const low = expected.legacyLayout || !expected.littleEndian ? words[3]! : words[2]!;
  return low % expected.segmentSize === inSegment;
}

function isMagic(magic: number): boolean {
  return magic >= 0xd05e && magic <= 0xdfff;
}

/** The header has its cluster's byte order. Only a magic like 0xD1D5 reads both ways; then its flags decide. */
function isLittleEndian(view: DataView): boolean {
  if (!isMagic(view.getUint16(0, false))) return true;
  return isMagic(view.getUint16(0, true)) && (view.getUint16(2, true) & longHeaderFlag) !== 0;
}

function readHeader(view: DataView, magic: number, littleEndian: boolean): LongPageHeader {
  const legacyLayout = magic <= lastOfLegacyLayout;
  const rest = legacyLayout ? 16 : 24;
  const pageAddress = legacyLayout
    ? (BigInt(view.getUint32(8, littleEndian)) << 32n) | BigInt(view.getUint32(12, littleEndian))
    : view.getBigUint64(8, littleEndian);
  return {
    magic,
    version: releases[magic],
    newer: magic > newestKnown,
    littleEndian,
    legacyLayout,
    timeline: view.getUint32(4, littleEndian),
    pageAddress,
    systemIdentifier: view.getBigUint64(rest, littleEndian),
    segmentSize: view.getUint32(rest + 8, littleEndian),
    blockSize: view.getUint32(rest + 12, littleEndian),
  };
}

function invalidSize({ segmentSize, blockSize }: LongPageHeader): string | undefined {
  if (!isSegmentSize(segmentSize)) return `claims an impossible segment size (${segmentSize} bytes)`;
  const possible = blockSize >= 1024 && blockSize <= 65536 && (blockSize & (blockSize - 1)) === 0;
  return possible ? undefined : `claims an impossible WAL block size (${blockSize} bytes)`;
}

function noHeader(bytes: Uint8Array, magic: number): { problem: string } {
  if (bytes.every((byte) => byte === 0)) return { problem: 'is all zeros' };
  const hex = magic.toString(16).toUpperCase().padStart(4, '0');
  return { problem: `has no WAL page header (magic number 0x${hex})` };
}

function tooShort(bytes: Uint8Array): { problem: string } {
  return { problem: `is too short for a WAL page header (${bytes.length} bytes)` };
}
