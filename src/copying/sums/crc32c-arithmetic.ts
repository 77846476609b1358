// Polynomials over GF(2) modulo that of CRC-32C (Castagnoli), as numbers of 32 bits: the highest power is the lowest bit.
import { polynomial } from '../../wal/crc32c.ts';

/** The product of two of them. */
export function product(left: number, right: number): number {
  let [sum, moved] = [0, right];
  for (let bit = 31; bit >= 0; bit--) {
    if (((left >>> bit) & 1) === 1) sum ^= moved;
    moved = (moved & 1) === 1 ? (moved >>> 1) ^ polynomial : moved >>> 1;
  }
  return sum >>> 0;
}

/** x to the power of 1, 2, 4 and so on. */
const squares: number[] = [0x4000_0000];

/** x to the power of n: what a CRC is multiplied by for n more bits. */
export function power(n: number): number {
  let result = 0x8000_0000;
  for (let index = 0, left = n; left > 0; index += 1, left = Math.floor(left / 2)) {
    squares[index] ??= product(squares[index - 1]!, squares[index - 1]!);
    if (left % 2 === 1) result = product(result, squares[index]!);
  }
  return result;
}
