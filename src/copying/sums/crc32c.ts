// CRC-32C of many bytes, a chunk at a time. The CRC of a chunk is begun with zero and not complemented ("bare"): that of two is the
// first one, moved on by the length of the second, xor the second.
import { extendCrc32c } from '../../wal/crc32c.ts';
import { power, product } from './crc32c-arithmetic.ts';
import { crc32cFold } from './crc32c-fold.wasm.ts';
import { blockBytes, stateAt } from './layout.ts';
import { instanceOf, partOf, placeOf } from './memory.ts';

interface Exports {
  fold: (at: number, end: number) => void;
}

const { fold } = instanceOf(crc32cFold) as Exports;

/** After fold(): 128 bytes that have the bare CRC of all that went in. */
const folded = partOf(stateAt, blockBytes);

/** Of at most a chunk. */
function bareCrc(bytes: Buffer): number {
  const whole = bytes.length - (bytes.length % blockBytes);
  if (whole === 0) return extendCrc32c(bytes, 0);
  const at = placeOf(bytes.subarray(0, whole), blockBytes);
  fold(at, at + whole);
  return extendCrc32c(bytes.subarray(whole), extendCrc32c(folded, 0));
}

/** The CRC-32C of a file whose chunks come in order. */
export class Crc32c {
  private crc = 0xffff_ffff;

  /** At most a chunk. */
  add(bytes: Buffer): void {
    this.crc = (product(this.crc, power(8 * bytes.length)) ^ bareCrc(bytes)) >>> 0;
  }

  /** From 0 on. */
  get value(): number {
    return ~this.crc >>> 0;
  }
}
