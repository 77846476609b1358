// A chunk beside what the target holds of it: which of its pages have to be sent, and what need not be summed here.
import { partBytes, partsIn, type PartCrcs } from '../sums/crc32c.ts';
import { heldOf, pageBytes } from '../sums/page.ts';
import { digestBytes } from '../sums/page-digests.ts';
import { allPages } from '../wire/records.ts';
import { differing } from '../wire/runs.ts';
import type { ChunkThere } from './digests-there.ts';

const pagesInPart = BigInt(partBytes / pageBytes);
const partMask = (1n << pagesInPart) - 1n;

export class Comparison {
  /** Of the chunk as it is here, which pages that are spared replace by those of what is there. */
  readonly digests: Buffer;
  private readonly there: ChunkThere | undefined;
  private readonly length: number;
  /** A bit for each page that is not the same there. */
  private pages: bigint;

  /** `digests` of a chunk of `length` bytes; `there`: undefined where nothing is compared. */
  constructor(digests: Buffer, length: number, there: ChunkThere | undefined) {
    this.digests = digests;
    this.length = length;
    this.there = there;
    this.pages = there === undefined ? allPages(length) : differing(digests, there.digests, length);
  }

  /** The pages that have to be sent, a bit each. Of a page that is spared the digest becomes that of what is there. */
  toSend(spared: readonly number[]): bigint {
    const { digests, length, there } = this;
    if (there === undefined || spared.length === 0) return this.pages;
    for (const page of heldOf(spared, length, there.bytesFrom))
      there.digests.copy(digests, page * digestBytes, page * digestBytes, (page + 1) * digestBytes);
    return (this.pages = differing(digests, there.digests, length));
  }

  /** Of the parts that are the same there, where they were summed. */
  sameCrcs(): PartCrcs | undefined {
    const { there } = this;
    if (there === undefined || there.crcs.length === 0) return undefined;
    return Array.from({ length: partsIn(this.length) }, (_, part) =>
      this.isSame(part, there) ? there.crcs.readUInt32BE(4 * part) : undefined,
    );
  }

  /** Also as long there: what was summed may go on where the file ends here. */
  private isSame(part: number, { bytesFrom }: ChunkThere): boolean {
    const at = part * partBytes;
    const end = Math.min(at + partBytes, this.length);
    return (
      ((this.pages >> (BigInt(part) * pagesInPart)) & partMask) === 0n &&
      end === Math.min(at + partBytes, bytesFrom)
    );
  }
}
