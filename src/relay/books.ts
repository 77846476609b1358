// The ledger of one destination as the relay keeps it: saved a little later than what it is about, for a file that is
// carried twice costs time only, and an arrival must not wait for another one's entry.
import { readSegmentSize } from '../postgres/control-file.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import { Ledger } from '../transport/ledger.ts';

/** How long after the last entry all become durable, in ms; and at the latest with so many. */
const saveAfterMs = 1000;
const mostUnsaved = 64;

export class Books {
  private readonly ledger: Ledger;
  private readonly isDryRun: boolean;
  private readonly onFault: (fault: unknown) => void;
  private timer: NodeJS.Timeout | undefined;
  private unsaved = 0;

  /** `onFault` hears of a ledger that cannot be used: nothing is lost by that but time. */
  constructor(destination: string, { settings, identity }: ThisNode, onFault: (fault: unknown) => void) {
    const segmentSize = readSegmentSize(settings.dataDirectory);
    this.ledger = new Ledger(destination, { ...identity, segmentSize });
    this.isDryRun = identity.dryRun;
    this.onFault = onFault;
  }

  has(key: string): boolean {
    return this.unlessUnreadable(() => this.ledger.has(key), false);
  }

  lacking(keys: readonly string[]): string[] {
    return this.unlessUnreadable(() => this.ledger.lacking(keys), [...keys]);
  }

  /** Strikes no debt: what is owed under this name may be of other bytes than what was carried. */
  add(key: string): void {
    this.unlessUnreadable(() => this.ledger.add(key), undefined);
    clearTimeout(this.timer);
    if (++this.unsaved >= mostUnsaved) this.save();
    else this.timer = setTimeout(() => this.save(), saveAfterMs);
  }

  forget(): void {
    if (!this.isDryRun) this.unlessUnreadable(() => this.ledger.forget(), undefined);
  }

  save(): void {
    clearTimeout(this.timer);
    this.unsaved = 0;
    if (this.isDryRun) return;
    this.unlessUnreadable(() => this.ledger.save(), undefined);
  }

  /** A ledger that cannot be read or written knows of nothing. */
  private unlessUnreadable<T>(verb: () => T, otherwise: T): T {
    try {
      return verb();
    } catch (error) {
      this.onFault(error);
      return otherwise;
    }
  }
}
