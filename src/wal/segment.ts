// Arithmetic between segment numbers, LSNs and segment names, for every segment size. A segment number counts
// segments from LSN 0/0 whatever the timeline; `log` and `low` are its two halves in a name (filename.ts).
// Sizes are bytes and must satisfy isSegmentSize: anything else is a bug of the caller and throws RangeError.

import { parseWalFileName, segmentName } from './filename.ts';

const smallest = 1024 * 1024;
const largest = 1024 * 1024 * 1024;
const logSize = 0x1_0000_0000;

/** Whether a cluster can have this segment size: a power of two from 1 MB to 1 GB (IsValidWalSegSize). */
export function isSegmentSize(bytes: number): boolean {
  return Number.isInteger(bytes) && bytes >= smallest && bytes <= largest && (bytes & (bytes - 1)) === 0;
}

/** How many segments share the middle eight digits of a name: 256 at 16 MB, 4 at 1 GB (XLogSegmentsPerXLogId). */
export function segmentsPerLog(segmentSize: number): number {
  if (!isSegmentSize(segmentSize)) throw new RangeError(`${segmentSize} bytes is not a segment size`);
  return logSize / segmentSize;
}

/** The segment number of a parsed name, or undefined when its last eight digits do not exist at that size. */
export function segmentNumber(file: { log: number; low: number }, segmentSize: number): bigint | undefined {
  const perLog = segmentsPerLog(segmentSize);
  return file.low < perLog ? BigInt(file.log) * BigInt(perLog) + BigInt(file.low) : undefined;
}

/** The LSN of a segment's first byte. */
export function segmentStart(segmentNumber: bigint, segmentSize: number): bigint {
  return segmentNumber * BigInt(segmentSize);
}

/**
 * The number of the segment that holds the byte at `lsn`. On a boundary that is the segment which begins there, as
 * in XLByteToSeg and in pg_walfile_name() since 17; up to 16 that function names the segment before.
 */
export function segmentOfLsn(lsn: bigint, segmentSize: number): bigint {
  return lsn / BigInt(segmentSize);
}

/** How a cluster numbers its segments. */
export interface Numbering {
  /**
   * 9.2 and older: the last segment of each 4 GB never exists (…FF at 16 MB), so that a position just past the end
   * of one still fits in 32 bits (XLogSegsPerFile in 9.2's xlog_internal.h).
   */
  skipsLastOfLog?: boolean;
}

/**
 * The name of the segment that follows on the same timeline. Undefined when `name` is not the name of a segment
 * that can exist at this size, or is the last one there is.
 */
export function nextSegmentName(
  name: string,
  segmentSize: number,
  options: Numbering = {},
): string | undefined {
  return neighbour(name, segmentSize, options, 1n);
}

/** As nextSegmentName, the other way: undefined for the first segment there is. */
export function previousSegmentName(
  name: string,
  segmentSize: number,
  options: Numbering = {},
): string | undefined {
  return neighbour(name, segmentSize, options, -1n);
}

function neighbour(name: string, segmentSize: number, options: Numbering, step: bigint): string | undefined {
  const file = parseWalFileName(name);
  if (file?.kind !== 'segment') return undefined;
  const from = segmentNumber(file, segmentSize);
  if (from === undefined) return undefined;
  const perLog = BigInt(segmentsPerLog(segmentSize));
  const isSkipped = (number: bigint): boolean =>
    options.skipsLastOfLog === true && number % perLog === perLog - 1n;
  if (isSkipped(from)) return undefined;
  const to = isSkipped(from + step) ? from + 2n * step : from + step;
  return to < 0n || to >= perLog << 32n ? undefined : segmentName(file.timeline, to, segmentSize);
}
