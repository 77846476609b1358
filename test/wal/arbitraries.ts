// What the property tests of this folder draw from: segments of every size, on every timeline.
import fc from 'fast-check';

const megabyte = 1024 * 1024;

/** Every wal_segment_size, in bytes, smallest first. */
export const segmentSizes = Array.from({ length: 11 }, (_, power) => megabyte * 2 ** power);

export const anySize = fc.constantFrom(...segmentSizes);

export const anyLsn = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

/** A segment that exists: the one around some LSN. */
export const anySegment = fc
  .tuple(fc.integer({ min: 1, max: 0xffff_ffff }), anyLsn, anySize)
  .map(([timeline, lsn, size]) => ({ timeline, number: lsn / BigInt(size), size }));
