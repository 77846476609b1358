// WAL files made by hand, as the server of a tiny cluster with segments of 1 MB would leave them: every page has its
// header. What a header looks like is test/wal/header-bytes.ts, which owes nothing to the code under test.
import { longHeader, shortHeader, type HeaderFields } from '../wal/header-bytes.ts';

export const megabyte = 1024 * 1024;
const pageBytes = 8192;

/** The cluster that hand-made files belong to unless told otherwise. */
export const ourCluster = 7_311_222_333_444_555_666n;
export const anotherCluster = 7_399_999_999_999_999_999n;

export interface SegmentChanges extends Partial<Omit<HeaderFields, 'info' | 'legacyLayout'>> {
  /** The byte between the page headers, so that two segments of one name can differ. Default 0x11. */
  content?: number;
}

/** The name of the n-th segment of a timeline, with segments of 1 MB. */
export function segmentNamed(number: number, timeline = 1): string {
  return `${hex8(timeline)}${hex8(Math.floor(number / 4096))}${hex8(number % 4096)}`;
}

/** A whole segment of the name's timeline and position. */
export function segmentBytes(name: string, changes: SegmentChanges = {}): Buffer {
  const { content = 0x11, ...given } = changes;
  const [timeline, log, low] = [0, 8, 16].map((at) => Number.parseInt(name.slice(at, at + 8), 16));
  const fields: HeaderFields = {
    magic: 0xd110,
    info: 0x0002,
    timeline: timeline!,
    pageAddress: (BigInt(log!) << 32n) + BigInt(low! * megabyte),
    systemIdentifier: ourCluster,
    segmentSize: megabyte,
    blockSize: pageBytes,
    littleEndian: true,
    legacyLayout: false,
    ...given,
  };
  const bytes = Buffer.alloc(fields.segmentSize, content);
  bytes.set(longHeader(fields));
  for (let at = pageBytes; at < bytes.length; at += pageBytes) {
    bytes.set(shortHeader({ ...fields, info: 0, pageAddress: fields.pageAddress + BigInt(at) }), at);
  }
  return bytes;
}

/** The history of timeline 2, left by timeline 1 at that LSN. */
export const historyText = (switchLsn = '0/500000'): string =>
  `1\t${switchLsn}\tno recovery target specified\n`;

/** What pg_backup_stop leaves for a base backup that began in the segment. */
export const backupText = (segment: string, lsn = '0/300028'): string =>
  `START WAL LOCATION: ${lsn} (file ${segment})\nSTOP WAL LOCATION: ${lsn} (file ${segment})\nLABEL: nightly\n`;

const hex8 = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0');
