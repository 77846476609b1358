// The buffers that files are read into: few, and used again, because a first touch of fresh memory costs more than reading the
// page. How many there are bounds how much is under way.
import { chunkBytes } from '../../copying/target.ts';

/** Each begins at a whole word, as the checksums want it. */
export class Buffers {
  private readonly free: Buffer[] = [];
  private readonly waiting: ((buffer: Buffer) => void)[] = [];
  private unmade: number;

  constructor(count: number) {
    this.unmade = count;
  }

  /** One that nobody uses; waits for one. */
  take(): Promise<Buffer> {
    const buffer = this.free.pop() ?? this.make();
    return buffer === undefined
      ? new Promise((resolve) => this.waiting.push(resolve))
      : Promise.resolve(buffer);
  }

  give(buffer: Buffer): void {
    const next = this.waiting.shift();
    if (next === undefined) this.free.push(buffer);
    else next(buffer);
  }

  private make(): Buffer | undefined {
    if (this.unmade === 0) return undefined;
    this.unmade -= 1;
    return Buffer.from(new ArrayBuffer(chunkBytes));
  }
}
