// The data of one conversation on its way from the connection to whoever reads it, with a bound: a sender that is faster
// than the disk waits.

/** How much may wait for its reader, in bytes. */
const roomBytes = 1_048_576;

/** Read once, in order. After fail() the reader gets the fault, after end() the end; what is pushed then is dropped. */
export class Incoming implements AsyncIterable<Buffer> {
  private readonly pieces: Buffer[] = [];
  private waitingBytes = 0;
  private isEnded = false;
  private fault: Error | undefined;
  private wakeReader: (() => void) | undefined;
  private wakeSender: (() => void) | undefined;

  /** Resolves when there is room for more. */
  async push(bytes: Buffer): Promise<void> {
    if (this.isEnded) return;
    this.pieces.push(bytes);
    this.waitingBytes += bytes.length;
    this.wakeReader?.();
    if (this.waitingBytes < roomBytes) return;
    await new Promise<void>((resolve) => (this.wakeSender = resolve));
  }

  end(): void {
    this.isEnded = true;
    this.wakeReader?.();
    this.wakeSender?.();
  }

  fail(fault: Error): void {
    this.fault ??= fault;
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        if (this.fault !== undefined) throw this.fault;
        const piece = this.pieces.shift();
        if (piece !== undefined) {
          this.waitingBytes -= piece.length;
          if (this.waitingBytes < roomBytes) this.wakeSender?.();
          yield piece;
        } else if (this.isEnded) return;
        else await new Promise<void>((resolve) => (this.wakeReader = resolve));
      }
    } finally {
      // Nobody reads on: what still comes must not hold up the other conversations.
      this.end();
    }
  }
}
