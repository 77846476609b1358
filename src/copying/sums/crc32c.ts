// CRC-32C of many bytes, in pieces that are put together afterwards: a manifest has one of each file, and the two ends of a line
// compare one at the end of a file. The CRC of a piece is begun with zero and not complemented ("bare"): that of two pieces is
// the first one, moved on by the length of the second, xor the second.
import { extendCrc32c } from '../../wal/crc32c.ts';
import { power, product } from './crc32c-arithmetic.ts';
import { blockBytes } from './layout.ts';
import { folded, foldUp } from './memory.ts';
import { pageBytes } from './page.ts';

/** Each byte of a CRC moved on by a page. */
const byPage = [0, 1, 2, 3].map((byte) =>
  Int32Array.from({ length: 256 }, (_, value) => product((value << (8 * byte)) >>> 0, power(8 * pageBytes))),
);
const [page0, page1, page2, page3] = byPage as [Int32Array, Int32Array, Int32Array, Int32Array];

const movedByPage = (crc: number): number =>
  page0[crc & 0xff]! ^ page1[(crc >>> 8) & 0xff]! ^ page2[(crc >>> 16) & 0xff]! ^ page3[crc >>> 24]!;

/** The bare CRC of `length` bytes at `from` of what is loaded in `room`. */
export function bareCrc(room: Buffer, from: number, length: number): number {
  const whole = length - (length % blockBytes);
  let crc = 0;
  if (whole > 0) {
    foldUp(from, whole);
    crc = extendCrc32c(folded, 0);
  }
  return length === whole ? crc >>> 0 : extendCrc32c(room.subarray(from + whole, from + length), crc) >>> 0;
}

/** The CRC-32C of a file whose pieces come in order. */
export class Crc32c {
  private crc = 0xffff_ffff;

  /** The bare CRC of the next `bytes`. */
  add(bare: number, bytes: number): void {
    const moved = bytes === pageBytes ? movedByPage(this.crc) : product(this.crc, power(8 * bytes));
    this.crc = (moved ^ bare) >>> 0;
  }

  /** The bare CRCs of the pages of the next `length` bytes, the last of which may be a part of one. */
  addPages(bare: Uint32Array, length: number): void {
    for (let page = 0, from = 0; from < length; page += 1, from += pageBytes)
      this.add(bare[page]!, Math.min(pageBytes, length - from));
  }

  /** From 0 on. */
  get value(): number {
    return ~this.crc >>> 0;
  }
}
