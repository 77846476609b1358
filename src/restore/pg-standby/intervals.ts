// Waiting for the next look: an interval of -s seconds, cut short when something happens in the archive, at the trigger
// file or in the data directory. Intervals are counted; being woken does not end one.
import { promoteFileNames } from '../../postgres/promote-files.ts';
import { basename, dirname } from 'node:path';
import type { FailoverOrders } from './failover.ts';
import { watchDirectory } from '../../program/watch-directory.ts';

/** A look may take a tenth of the time, so that a file which arrives in small pieces does not keep us busy. */
const pausePerLook = 10;

export class Intervals {
  private readonly lengthMs: number;
  private readonly end: AbortSignal;
  private readonly closers: (() => void)[] = [];
  private wakeUp: (() => void) | undefined;
  private woken = false;
  private endsAt: number | undefined;
  /** Whole intervals that were waited. */
  count = 0;

  constructor(lengthMs: number, end: AbortSignal) {
    this.lengthMs = lengthMs;
    this.end = end;
  }

  /** From now on looks are due when files of these names change in a directory; where no events come, by the interval. */
  watch(directory: string, names: readonly string[], seen = (): void => undefined): void {
    const watch = watchDirectory(directory, (name) => {
      if (name !== undefined && !names.includes(name)) return;
      seen();
      this.wake();
    });
    this.closers.push(() => watch.close());
  }

  /** Watches what gives failover its orders, which are then taken at once, also while a copy is under way. */
  watchOrders(orders: FailoverOrders, triggerFile: string | undefined, dataDirectory: string | undefined) {
    const look = (): void => orders.look();
    const timer = setInterval(look, this.lengthMs);
    this.closers.push(() => clearInterval(timer));
    if (triggerFile !== undefined) this.watch(dirname(triggerFile), [basename(triggerFile)], look);
    if (dataDirectory !== undefined) this.watch(dataDirectory, promoteFileNames(dataDirectory), look);
  }

  /** Returns when another look is due; `lookMs` is what the last one took. Throws the reason of the end. */
  async next(lookMs: number): Promise<void> {
    this.endsAt ??= performance.now() + this.lengthMs;
    const leftMs = Math.max(0, this.endsAt - performance.now());
    const restMs = Math.min(leftMs, lookMs * pausePerLook);
    await rest(restMs, this.end);
    if (!this.woken) await rest(leftMs - restMs, this.end, (wake) => (this.wakeUp = wake));
    this.woken = false;
    if (performance.now() < this.endsAt) return;
    this.count += 1;
    this.endsAt = undefined;
  }

  close(): void {
    for (const close of this.closers) close();
  }

  private wake(): void {
    this.woken = true;
    this.wakeUp?.();
  }
}

/** Sleeps so long, less if `end` aborts, whose reason it then throws. `waker` is given what cuts the sleep short. */
export async function rest(ms: number, end: AbortSignal, waker?: (wake: () => void) => void): Promise<void> {
  end.throwIfAborted();
  await new Promise<void>((resolve) => {
    const over = (): void => {
      clearTimeout(timer);
      end.removeEventListener('abort', over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    end.addEventListener('abort', over);
    waker?.(over);
  });
  end.throwIfAborted();
}
