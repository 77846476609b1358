// The digests of what a target holds of one file, as they come, chunk by chunk, ahead of the source; behind those of a chunk the
// CRCs of its parts, where they were asked for.
import { partsIn } from '../sums/crc32c.ts';
import { pagesIn } from '../sums/page.ts';
import { digestBytes } from '../sums/page-digests.ts';
import { chunkBytes } from '../target.ts';
import { invalid } from '../wire/records.ts';

/** The far side keeps to a few chunks ahead; whoever sends much more means harm. */
const mostWaiting = 1024 * 1024;

const nothing = Buffer.alloc(0);

/** What a target says of a chunk. */
export interface ChunkThere {
  /** Of its pages; empty past the end. */
  digests: Buffer;
  /** Bare ones of its parts, 4 bytes each, the highest first; empty where none are told. */
  crcs: Buffer;
  /** How much of the file there is from the chunk on. */
  bytesFrom: number;
}

export class DigestsThere {
  private readonly sizeBytes: number;
  private readonly hasCrcs: boolean;
  private readonly pieces: Buffer[] = [];
  private waitingBytes = 0;
  private isEnded = false;
  private fault: Error | undefined;
  private wake: (() => void) | undefined;
  private before: Promise<unknown> = Promise.resolve();

  /** `sizeBytes`: of the file there. */
  constructor(sizeBytes: number, incoming: AsyncIterable<Buffer>, hasCrcs: boolean) {
    this.sizeBytes = sizeBytes;
    this.hasCrcs = hasCrcs;
    void this.listen(incoming);
  }

  /** That chunk. To be asked for in order, once each; several may be waited for. */
  of(chunk: number): Promise<ChunkThere> {
    const after = this.before.then(() => this.next(chunk));
    this.before = after.catch(() => undefined);
    return after;
  }

  private async next(chunk: number): Promise<ChunkThere> {
    const bytesFrom = Math.max(0, this.sizeBytes - chunk * chunkBytes);
    const length = Math.min(bytesFrom, chunkBytes);
    const digestsBytes = pagesIn(length) * digestBytes;
    const told = await this.some(digestsBytes + (this.hasCrcs ? 4 * partsIn(length) : 0));
    return { digests: told.subarray(0, digestsBytes), crcs: told.subarray(digestsBytes), bytesFrom };
  }

  private async some(wanted: number): Promise<Buffer> {
    if (wanted === 0) return nothing;
    while (this.waitingBytes < wanted) {
      if (this.fault !== undefined) throw this.fault;
      if (this.isEnded) throw invalid('it ends before the last digest');
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    return this.take(wanted);
  }

  private take(length: number): Buffer {
    let [first] = this.pieces;
    if (first!.length < length)
      this.pieces.splice(0, this.pieces.length, (first = Buffer.concat(this.pieces)));
    this.waitingBytes -= length;
    if (first!.length === length) this.pieces.shift();
    else this.pieces[0] = first!.subarray(length);
    return first!.subarray(0, length);
  }

  private async listen(incoming: AsyncIterable<Buffer>): Promise<void> {
    try {
      for await (const piece of incoming) {
        this.waitingBytes += piece.length;
        if (this.waitingBytes > mostWaiting) throw invalid('more digests than its file has pages');
        // What it is a part of is larger than all that is kept of it.
        this.pieces.push(Buffer.from(piece));
        this.wake?.();
      }
    } catch (error) {
      this.fault = error as Error;
    }
    this.isEnded = true;
    this.wake?.();
  }
}
