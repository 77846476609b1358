// What wakes one who waits: events of the watched places, and the clock. An event that comes while nobody sleeps is
// kept, so that nothing published between a look and a sleep is missed.

export class Bell {
  private rung = false;
  private wake: (() => void) | undefined;

  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  /** Sleeps until the bell rings, at most `limitMs`; ends with the signal's reason when that aborts. */
  async sleep(limitMs: number, stop: AbortSignal): Promise<'rung' | 'time'> {
    stop.throwIfAborted();
    if (!this.rung) {
      await new Promise<void>((resolve) => {
        const end = (): void => {
          clearTimeout(timer);
          stop.removeEventListener('abort', end);
          this.wake = undefined;
          resolve();
        };
        const timer = setTimeout(end, limitMs);
        stop.addEventListener('abort', end);
        this.wake = end;
      });
    }
    stop.throwIfAborted();
    const outcome = this.rung ? 'rung' : 'time';
    this.rung = false;
    return outcome;
  }
}
