// Work that runs beside other work, up to a number at once; the first fault stops all of it.

export class Crew {
  private readonly most: number;
  private readonly stopping: AbortController;
  private readonly working = new Set<Promise<void>>();

  /** `stopping` aborts with the first fault. */
  constructor(most: number, stopping: AbortController) {
    this.most = most;
    this.stopping = stopping;
  }

  /** Begins the work once there is room for it; throws where all of it has been stopped. */
  async begin(work: () => Promise<void>): Promise<void> {
    while (this.working.size >= this.most) await Promise.race(this.working);
    this.stopping.signal.throwIfAborted();
    const done: Promise<void> = work()
      .catch((error: unknown) => this.stopping.abort(error))
      .finally(() => this.working.delete(done));
    this.working.add(done);
  }

  /** Resolves when nothing is under way any more. */
  async settle(): Promise<void> {
    while (this.working.size > 0) await Promise.race(this.working);
  }
}
