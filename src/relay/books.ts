// The ledger of one destination as the relay keeps it: saved a little later than what it is about, for a file that is
// carried twice costs time only, and an arrival must not wait for another one's entry.
import { readSegmentSize } from '../postgres/control-file.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import { Ledger } from '../transport/ledger.ts';

/** How long an entry may wait to become durable, in ms. */
const saveAfterMs = 1000;

export class Books {
  private readonly ledger: Ledger;
  private readonly isDryRun: boolean;
  private readonly onFault: (fault: unknown) => void;
  private timer: NodeJS.Timeout | undefined;

  /** `onFault` hears of a ledger that cannot be written: nothing is lost by that but time. */
  constructor(destination: string, { settings, identity }: ThisNode, onFault: (fault: unknown) => void) {
    const segmentSize = readSegmentSize(settings.dataDirectory);
    this.ledger = new Ledger(destination, { ...identity, segmentSize });
    this.isDryRun = identity.dryRun;
    this.onFault = onFault;
  }

  has(key: string): boolean {
    return this.ledger.has(key);
  }

  lacking(keys: readonly string[]): string[] {
    return this.ledger.lacking(keys);
  }

  add(key: string): void {
    this.ledger.add(key);
    this.timer ??= setTimeout(() => this.save(), saveAfterMs);
  }

  forget(): void {
    if (!this.isDryRun) this.ledger.forget();
  }

  save(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.isDryRun) return;
    try {
      this.ledger.save();
    } catch (error) {
      this.onFault(error);
    }
  }
}
