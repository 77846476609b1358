// What shows at the end of a file that it is what was sent: SHA-256 of the digests of all its pages in their order.
import { createHash } from 'node:crypto';
import type { PageDigests } from './sums/page-digests.ts';
import { chunkBytes } from './target.ts';

/** Of the proof, in bytes. */
export const proofBytes = 16;

/** Takes the digests of a file in order; then says what they come to, as 32 hexadecimal digits. */
export class Proving {
  private readonly hash = createHash('sha256');

  add(digests: Buffer): void {
    this.hash.update(digests);
  }

  result(): string {
    return this.hash.digest('hex').slice(0, 2 * proofBytes);
  }
}

/** The proof of a file that is in memory. */
export function proofOf(bytes: Buffer, digests: PageDigests): string {
  const proving = new Proving();
  for (let at = 0; at < bytes.length; at += chunkBytes)
    proving.add(digests.of(bytes.subarray(at, at + chunkBytes)));
  return proving.result();
}
