// CRC-32C of many bytes, a chunk at a time, or of its parts, which somebody else has summed who has the same bytes. The CRC of a chunk is begun with zero and not complemented ("bare"): that of two is the
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

/** A chunk is summed in so many bytes at a time where a part of it may be known: 8 pages. Only the last part may be shorter. */
export const partBytes = 65_536;

/** How many parts a chunk of this length has. */
export const partsIn = (length: number): number => Math.ceil(length / partBytes);

/** What is known of the parts of a chunk: bare CRCs, undefined where nobody has summed one. */
export type PartCrcs = readonly (number | undefined)[];

/** The bare CRC of each part of at most a chunk. */
export function crcsOfParts(bytes: Buffer): number[] {
  const crcs: number[] = [];
  for (let at = 0; at < bytes.length; at += partBytes) crcs.push(bareCrc(bytes.subarray(at, at + partBytes)));
  return crcs;
}

/** The CRC-32C of a file whose chunks come in order. */
export class Crc32c {
  private crc = 0xffff_ffff;

  /** At most a chunk, of which some parts may be `known`: those are not looked at. */
  add(bytes: Buffer, known?: PartCrcs): void {
    if (known === undefined) return this.append(bytes.length, bareCrc(bytes));
    for (let at = 0, part = 0; at < bytes.length; at += partBytes, part += 1) {
      const some = bytes.subarray(at, at + partBytes);
      this.append(some.length, known[part] ?? bareCrc(some));
    }
  }

  /** From 0 on. */
  get value(): number {
    return ~this.crc >>> 0;
  }

  private append(length: number, bare: number): void {
    this.crc = (product(this.crc, power(8 * length)) ^ bare) >>> 0;
  }
}
