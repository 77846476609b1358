// What shows at the end of a file that it is what was sent. Where pages were kept, which digests alone have judged, that is the
// SHA-256 of the whole. Of a file that came whole it is the digests of all its pages, which take a sixth of the time.
import { createHash } from 'node:crypto';
import { digestBytes, digestPages, pagesIn, prime } from './page-digest.ts';
import { chunkBytes } from './target.ts';

export type Proof = 'sha256' | 'digests';

/** Takes the bytes of a file in order, whole pages but for the last; then says what they come to, as 64 hexadecimal digits. */
export interface Proving {
  update(bytes: Buffer): void;
  result(): string;
}

/** Of what is added: no more than a chunk at once. */
const digests = Buffer.alloc(pagesIn(chunkBytes) * digestBytes);

class OfDigests implements Proving {
  private low = 0x2b7e_1516;
  private high = 0x28ae_d2a6;

  update(bytes: Buffer): void {
    for (let from = 0; from < bytes.length; from += chunkBytes)
      this.add(bytes.subarray(from, from + chunkBytes));
  }

  result(): string {
    const value = (BigInt(this.high >>> 0) << 32n) | BigInt(this.low >>> 0);
    return value.toString(16).padStart(64, '0');
  }

  private add(bytes: Buffer): void {
    digestPages(bytes, bytes.length, digests);
    const end = pagesIn(bytes.length) * digestBytes;
    for (let at = 0; at < end; at += digestBytes) {
      const mixed = this.high ^ digests.readInt32LE(at);
      this.high = Math.imul(this.low, prime) ^ (mixed >>> 15);
      this.low = Math.imul(mixed, prime) ^ digests.readInt32LE(at + 4);
    }
  }
}

class OfSha256 implements Proving {
  private readonly hash = createHash('sha256');

  update(bytes: Buffer): void {
    this.hash.update(bytes);
  }

  result(): string {
    return this.hash.digest('hex');
  }
}

export const proving = (proof: Proof): Proving => (proof === 'sha256' ? new OfSha256() : new OfDigests());
