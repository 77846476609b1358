// What shows at the end of a file that it is what was sent: the digests of all its pages in their order. Where pages were kept,
// which digests have judged, the CRC-32C of the whole as well, which is made in another way.
import { Crc32c } from './sums/crc32c.ts';
import { digestBytes, prime, sumChunk, type ChunkSums } from './sums/page-sums.ts';
import { chunkBytes } from './target.ts';

/** Of the proof, in bytes. */
export const proofBytes = 12;

/** Takes the chunks of a file in order; then says what they come to, as 24 hexadecimal digits. */
export class Proving {
  private low = 0x2b7e_1516;
  private high = 0x28ae_d2a6;
  private readonly crc: Crc32c | undefined;

  /** `whole`: the file came whole; every other one needs sums with CRCs. */
  constructor(whole: boolean) {
    this.crc = whole ? undefined : new Crc32c();
  }

  add({ length, digests, crcs }: ChunkSums): void {
    for (let at = 0; at < digests.length; at += digestBytes) {
      const mixed = this.high ^ digests.readInt32LE(at);
      this.high = Math.imul(this.low, prime) ^ (mixed >>> 15);
      this.low = Math.imul(mixed, prime) ^ digests.readInt32LE(at + 4);
    }
    this.crc?.addPages(crcs!, length);
  }

  result(): string {
    const digests = (BigInt(this.high >>> 0) << 32n) | BigInt(this.low >>> 0);
    const bits = (digests << 32n) | BigInt(this.crc?.value ?? 0);
    return bits.toString(16).padStart(2 * proofBytes, '0');
  }
}

/** The proof of a file that is in memory. */
export function proofOf(bytes: Buffer, whole: boolean): string {
  const proving = new Proving(whole);
  for (let at = 0; at < bytes.length; at += chunkBytes)
    proving.add(sumChunk(bytes.subarray(at, at + chunkBytes), whole ? 'digests' : 'all'));
  return proving.result();
}
