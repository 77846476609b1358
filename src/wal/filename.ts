// The only patterns for the names PostgreSQL gives to WAL: segments, partial segments, backup history files and
// timeline history files. What the numbers in a name mean as a position lives in segment.ts. Suffixes of our own
// (.zst, .final) are not names of PostgreSQL and belong to the archive.

/**
 * A name taken apart. `timeline`, `log`, `low` and `offset` are the 32-bit numbers behind the hexadecimal digits:
 * `log` counts 4 GB of WAL, `low` the segments within them, `offset` bytes within the segment where a base backup
 * began. `segment` is the 24 characters. Source: src/include/access/xlog_internal.h.
 */
export type WalFileName =
  | { kind: 'segment' | 'partial'; name: string; segment: string; timeline: number; log: number; low: number }
  | {
      kind: 'backup';
      name: string;
      segment: string;
      timeline: number;
      log: number;
      low: number;
      offset: number;
    }
  | { kind: 'history'; name: string; timeline: number };

/** What PostgreSQL gives for %r before it knows a restart point (RestoreArchivedFile in xlogarchive.c). */
export const noRestartPoint = '0'.repeat(24);

/**
 * The parts of `name`, or undefined if PostgreSQL would not give a file that name: a path, lower-case digits, a
 * trailing newline, timeline 0. Whether a segment's `low` exists depends on the segment size: see segmentNumber.
 */
export function parseWalFileName(name: string): WalFileName | undefined {
  // The four kinds differ in length, so the length alone decides which one a name can be.
  switch (name.length) {
    case 16:
      return parseHistoryName(name);
    case 24:
      return parseSegmentName('segment', name);
    case 32:
      return name.endsWith('.partial') ? parseSegmentName('partial', name) : undefined;
    case 40:
      return parseBackupName(name);
    default:
      return undefined;
  }
}

/**
 * The 24-character name of a segment. Throws RangeError for a timeline or a segment number that does not exist.
 * Source: XLogFileName in src/include/access/xlog_internal.h.
 */
export function segmentName(timeline: number, segmentNumber: bigint, segmentSize: number): string {
  const size = BigInt(segmentSize);
  const start = segmentNumber * size;
  // Also true of negative numbers: the shift keeps the sign.
  if (start >> 64n !== 0n) {
    throw new RangeError(`segment number ${segmentNumber.toString()} is outside the LSN range`);
  }
  // The start's upper half is the log; dividing its lower half leaves the segment within the log.
  return timelineHex(timeline) + hex8(start >> 32n) + hex8((start & 0xffff_ffffn) / size);
}

/** The name of a timeline's history file. Throws RangeError for a timeline that does not exist. */
export function historyName(timeline: number): string {
  return `${timelineHex(timeline)}.history`;
}

function parseHistoryName(name: string): WalFileName | undefined {
  const timeline = wordAt(name, 0);
  return timeline && name.endsWith('.history') ? { kind: 'history', name, timeline } : undefined;
}

function parseSegmentName(kind: 'segment' | 'partial', name: string): WalFileName | undefined {
  const timeline = wordAt(name, 0);
  const log = wordAt(name, 8);
  const low = wordAt(name, 16);
  // Timelines count from 1: src/include/access/xlogdefs.h.
  if (!timeline || log === undefined || low === undefined) return undefined;
  return { kind, name, segment: name.slice(0, 24), timeline, log, low };
}

function parseBackupName(name: string): WalFileName | undefined {
  const offset = wordAt(name, 25);
  if (name[24] !== '.' || offset === undefined || !name.endsWith('.backup')) return undefined;
  const start = parseSegmentName('segment', name.slice(0, 24));
  return start?.kind === 'segment' ? { ...start, kind: 'backup', name, offset } : undefined;
}

/** The number behind the eight upper-case hexadecimal digits at `position`. */
function wordAt(name: string, position: number): number | undefined {
  const digits = name.slice(position, position + 8);
  return /^[0-9A-F]{8}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

function timelineHex(timeline: number): string {
  if (!Number.isInteger(timeline) || timeline < 1 || timeline > 0xffff_ffff) {
    throw new RangeError(`timeline ${timeline} does not exist`);
  }
  return hex8(timeline);
}

function hex8(value: number | bigint): string {
  return value.toString(16).toUpperCase().padStart(8, '0');
}
