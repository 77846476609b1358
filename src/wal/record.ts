// One WAL record, as far as it can be told that it is there, whole: its length and its checksum. What is in it is not
// read. Layout of 9.5 to 18 (XLogRecord in src/include/access/xlogrecord.h).
import { extendCrc32c } from './crc32c.ts';

/** Of the pages of a cluster's WAL. */
export interface PageSizes {
  /** XLOG_BLCKSZ. */
  blockSize: number;
  segmentSize: number;
}

/** The page that begins at the LSN, or undefined where it is not there. */
export type ReadPage = (lsn: bigint) => Uint8Array | undefined;

const headerBytes = 24;
const checksumAt = 20;
const shortPageHeader = 24;
const longPageHeader = 40;

/** What the pages hold from an LSN on, page headers left out, until a page is not there. */
function* contentFrom(lsn: bigint, { blockSize, segmentSize }: PageSizes, page: ReadPage) {
  for (let at = lsn; ; at += BigInt(blockSize) - (at % BigInt(blockSize))) {
    const offset = Number(at % BigInt(blockSize));
    const start = at - BigInt(offset);
    const bytes = page(start);
    if (bytes === undefined) return;
    const header = start % BigInt(segmentSize) === 0n ? longPageHeader : shortPageHeader;
    yield { start, bytes, content: bytes.subarray(Math.max(offset, header)) };
  }
}

/** XLP_FIRST_IS_OVERWRITE_CONTRECORD, from 14 on: the record before is given up here, and another one begins. */
const overwritten = 0x0008;

/**
 * Whether a whole, undamaged record begins at the LSN, where the one before has ended; also one that takes the place of
 * another that was never finished. `littleEndian` is the byte order
 * of the server's machine.
 */
export function isRecordAt(lsn: bigint, sizes: PageSizes, page: ReadPage, littleEndian = true): boolean {
  const header = new Uint8Array(headerBytes);
  const view = new DataView(header.buffer);
  let read = 0;
  let sum = 0xffff_ffff;
  for (const { start, bytes, content } of contentFrom(lsn, sizes, page)) {
    const info = new DataView(bytes.buffer, bytes.byteOffset).getUint16(2, littleEndian);
    if (start > lsn && (info & overwritten) !== 0) return isRecordAt(start, sizes, page, littleEndian);
    const ofHeader = content.subarray(0, Math.max(0, headerBytes - read));
    if (read < headerBytes) header.set(ofHeader, read);
    read += ofHeader.length;
    if (read < headerBytes) continue;
    const length = view.getUint32(0, littleEndian);
    if (length < headerBytes) return false;
    const rest = content.subarray(ofHeader.length, ofHeader.length + length - read);
    sum = extendCrc32c(rest, sum);
    read += rest.length;
    if (read < length) continue;
    const whole = extendCrc32c(header.subarray(0, checksumAt), sum) ^ 0xffff_ffff;
    return whole >>> 0 === view.getUint32(checksumAt, littleEndian);
  }
  return false;
}
