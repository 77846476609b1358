// The chunks of a file that are on their way into the target: several at once, in order, and no further one after a fault.

/** What the target has not taken yet. */
export class UnderWay {
  private readonly pending = new Set<Promise<void>>();
  private fault: { error: unknown } | undefined;

  add(taking: Promise<void>): void {
    const settled = taking
      .catch((error: unknown) => void (this.fault ??= { error }))
      .finally(() => this.pending.delete(settled));
    this.pending.add(settled);
  }

  /** The first fault that there was. */
  throwFault(): void {
    if (this.fault !== undefined) throw this.fault.error as Error;
  }

  async settle(): Promise<void> {
    await Promise.all(this.pending);
  }
}
