import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseWalFileName, segmentName } from '../../src/wal/filename.ts';
import {
  isSegmentSize,
  nextSegmentName,
  previousSegmentName,
  segmentNumber,
  segmentOfLsn,
  segmentsPerLog,
  segmentStart,
} from '../../src/wal/segment.ts';
import { anyLsn, anySegment, anySize, segmentSizes } from './arbitraries.ts';

const megabyte = 1024 * 1024;

/** What each size makes of 4 GB: segments in a log, the last low part, and the one that 9.2 stops at. */
const sizes: [megabytes: number, perLog: number, lastLow: string, lastLowOf92: string][] = [
  [1, 4096, '00000FFF', '00000FFE'],
  [2, 2048, '000007FF', '000007FE'],
  [4, 1024, '000003FF', '000003FE'],
  [8, 512, '000001FF', '000001FE'],
  [16, 256, '000000FF', '000000FE'],
  [32, 128, '0000007F', '0000007E'],
  [64, 64, '0000003F', '0000003E'],
  [128, 32, '0000001F', '0000001E'],
  [256, 16, '0000000F', '0000000E'],
  [512, 8, '00000007', '00000006'],
  [1024, 4, '00000003', '00000002'],
];

function numberOf(name: string, size: number): bigint | undefined {
  const file = parseWalFileName(name);
  if (file?.kind !== 'segment') throw new Error(`${name} is not a segment`);
  return segmentNumber(file, size);
}

describe('a segment size', () => {
  it('is every power of two from 1 MB to 1 GB', () => {
    expect(segmentSizes.filter(isSegmentSize)).toEqual(sizes.map(([megabytes]) => megabytes * megabyte));
  });

  it.each([0, 1, -megabyte, megabyte / 2, megabyte + 1, 3 * megabyte, 2048 * megabyte, 4096 * megabyte])(
    'is not %d bytes',
    (bytes) => {
      expect(isSegmentSize(bytes)).toBe(false);
      expect(() => segmentsPerLog(bytes)).toThrow(RangeError);
    },
  );

  it.each([Number.NaN, Infinity, megabyte + 0.5])('is not the number %d', (bytes) => {
    expect(isSegmentSize(bytes)).toBe(false);
  });
});

describe.each(sizes)('at %d MB', (megabytes, perLog, lastLow, lastLowOf92) => {
  const size = megabytes * megabyte;
  const last = `0000000200000007${lastLow}`;
  const firstOfNext = '000000020000000800000000';

  it('a log holds 4 GB of segments', () => {
    expect(segmentsPerLog(size)).toBe(perLog);
  });

  it('the last segment of a log is followed by the first of the next, and back', () => {
    expect(nextSegmentName(last, size)).toBe(firstOfNext);
    expect(previousSegmentName(firstOfNext, size)).toBe(last);
  });

  it('a low part past the last does not exist', () => {
    const beyond = `0000000200000007${perLog.toString(16).toUpperCase().padStart(8, '0')}`;
    expect(numberOf(last, size)).toBe(8n * BigInt(perLog) - 1n);
    expect(numberOf(beyond, size)).toBeUndefined();
    expect(nextSegmentName(beyond, size)).toBeUndefined();
    expect(previousSegmentName(beyond, size)).toBeUndefined();
  });

  it('9.2 and older never use the last segment of a log', () => {
    const numbering = { skipsLastOfLog: true };
    const lastUsed = `0000000200000007${lastLowOf92}`;
    expect(nextSegmentName(lastUsed, size, numbering)).toBe(firstOfNext);
    expect(previousSegmentName(firstOfNext, size, numbering)).toBe(lastUsed);
    expect(nextSegmentName(last, size, numbering)).toBeUndefined();
    expect(previousSegmentName(last, size, numbering)).toBeUndefined();
    expect(nextSegmentName(lastUsed, size)).toBe(last);
  });

  it('there is nothing before the first segment and nothing after the last', () => {
    expect(previousSegmentName('000000010000000000000000', size)).toBeUndefined();
    expect(previousSegmentName('000000010000000000000000', size, { skipsLastOfLog: true })).toBeUndefined();
    expect(nextSegmentName(`00000001FFFFFFFF${lastLow}`, size)).toBeUndefined();
    expect(nextSegmentName(`00000001FFFFFFFF${lastLowOf92}`, size, { skipsLastOfLog: true })).toBeUndefined();
  });

  it('a segment begins where the one before it ends', () => {
    expect(segmentStart(BigInt(perLog), size)).toBe(0x1_0000_0000n);
    expect(segmentOfLsn(0x1_0000_0000n, size)).toBe(BigInt(perLog));
    expect(segmentOfLsn(0x1_0000_0000n - 1n, size)).toBe(BigInt(perLog) - 1n);
  });
});

describe('neighbours', () => {
  it.each(['00000002.history', '000000010000000000000001.partial', '00000001000000000000000g', ''])(
    'are those of segments only, not of "%s"',
    (name) => {
      expect(nextSegmentName(name, 16 * megabyte)).toBeUndefined();
      expect(previousSegmentName(name, 16 * megabyte)).toBeUndefined();
    },
  );

  it('undo one another', () => {
    fc.assert(
      fc.property(anySegment, fc.boolean(), ({ timeline, number, size }, skipsLastOfLog) => {
        const name = segmentName(timeline, number, size);
        const next = nextSegmentName(name, size, { skipsLastOfLog });
        if (next !== undefined) expect(previousSegmentName(next, size, { skipsLastOfLog })).toBe(name);
        const previous = previousSegmentName(name, size, { skipsLastOfLog });
        if (previous !== undefined) expect(nextSegmentName(previous, size, { skipsLastOfLog })).toBe(name);
      }),
    );
  });
});

describe('names, numbers and LSNs', () => {
  it('agree: the segment around an LSN contains it', () => {
    fc.assert(
      fc.property(anyLsn, anySize, (lsn, size) => {
        const number = segmentOfLsn(lsn, size);
        expect(segmentStart(number, size) <= lsn && lsn < segmentStart(number + 1n, size)).toBe(true);
        expect(numberOf(segmentName(1, number, size), size)).toBe(number);
      }),
    );
  });

  it('carry the upper half of the LSN in the middle eight digits', () => {
    fc.assert(
      fc.property(anyLsn, anySize, (lsn, size) => {
        const name = segmentName(1, segmentOfLsn(lsn, size), size);
        expect(BigInt(`0x${name.slice(8, 16)}`)).toBe(lsn >> 32n);
      }),
    );
  });

  it('sort alike within a timeline', () => {
    fc.assert(
      fc.property(anyLsn, anyLsn, anySize, (one, other, size) => {
        const [a, b] = [segmentOfLsn(one, size), segmentOfLsn(other, size)];
        expect(segmentName(3, a, size) < segmentName(3, b, size)).toBe(a < b);
      }),
    );
  });
});
