// CRC-32C of many bytes, in pieces that are put together afterwards: a manifest has one of each file, and the two ends of a line
// compare one at the end of a file. The CRC of a piece is begun with zero and not complemented ("bare"): that of two pieces is
// the first one, moved on by the length of the second, xor the second.
import { extendCrc32c } from '../../wal/crc32c.ts';
import { blockBytes, folded, foldUp } from './memory.ts';
import { pageBytes } from './page.ts';

const polynomial = 0x82f6_3b78;

/** The product of two polynomials modulo that of CRC-32C; the highest power is the lowest bit. */
function product(left: number, right: number): number {
  let [sum, moved] = [0, right];
  for (let bit = 31; bit >= 0; bit--) {
    if (((left >>> bit) & 1) === 1) sum ^= moved;
    moved = (moved & 1) === 1 ? (moved >>> 1) ^ polynomial : moved >>> 1;
  }
  return sum >>> 0;
}

/** x to the power of 8, 16, 32 and so on: moving on by 1, 2, 4 bytes. */
const powers: number[] = [0x0080_0000];

/** x to the power of 8 · `bytes`. */
function powerOf(bytes: number): number {
  let result = 0x8000_0000;
  for (let index = 0, left = bytes; left > 0; index += 1, left = Math.floor(left / 2)) {
    powers[index] ??= product(powers[index - 1]!, powers[index - 1]!);
    if (left % 2 === 1) result = product(result, powers[index]!);
  }
  return result;
}

/** Each byte of a CRC moved on by a page. */
const byPage = [0, 1, 2, 3].map((byte) =>
  Int32Array.from({ length: 256 }, (_, value) => product((value << (8 * byte)) >>> 0, powerOf(pageBytes))),
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
    const moved = bytes === pageBytes ? movedByPage(this.crc) : product(this.crc, powerOf(bytes));
    this.crc = (moved ^ bare) >>> 0;
  }

  /** From 0 on. */
  get value(): number {
    return ~this.crc >>> 0;
  }
}
