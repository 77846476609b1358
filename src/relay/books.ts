// The ledger of one destination as the relay keeps it: saved a little later than what it is about, for a file that is
// carried twice costs time only, and an arrival must not wait for another one's entry.
import { readSegmentSize } from '../postgres/control-file.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import type { Report } from '../program/print-error.ts';
import { errnoOf, ProgramError } from '../program/program-error.ts';
import type { Destination } from '../program/settings/settings.ts';
import { noteMoved } from '../transport/destination-place.ts';
import { noteKeyOf, recall } from '../transport/known-archives.ts';
import { Ledger, type LedgerPlace } from '../transport/ledger.ts';
import type { Claim } from '../transport/ownership.ts';
import type { Identity } from '../transport/transport.ts';

/** How long after the last entry all become durable, in ms; and at the latest with so many. */
const saveAfterMs = 1000;
const mostUnsaved = 64;

export class Books {
  private readonly ledger: Ledger;
  private readonly place: LedgerPlace;
  private readonly destination: Destination;
  private readonly identity: Identity;
  private isPlaced = false;
  private readonly isDryRun: boolean;
  private readonly onFault: (fault: unknown) => void;
  private timer: NodeJS.Timeout | undefined;
  private unsaved = 0;

  /** `onFault` hears of a ledger that cannot be used: nothing is lost by that but time. */
  constructor(destination: Destination, { settings, identity }: ThisNode, onFault: (fault: unknown) => void) {
    this.place = { ...identity, segmentSize: readSegmentSize(settings.dataDirectory) };
    this.ledger = new Ledger(destination.name, this.place);
    this.destination = destination;
    this.identity = identity;
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

  /** Where the destination was elsewhere until now, nothing is known of it: `forgotten` hears the warning. Looks once. */
  settlePlace(forgotten: (report: Report) => void): void {
    if (this.isPlaced) return;
    this.isPlaced = true;
    const report = this.quietly(() => noteMoved(this.destination, this.place, this.isDryRun), undefined);
    if (report === undefined) return;
    this.quietly(() => this.ledger.forget(this.isDryRun), undefined);
    forgotten(report);
  }

  /** Whether anything is known that was not so under a claim of this epoch: then the destination has to be asked. */
  isOfAnother(epoch: number): boolean {
    const under = this.quietly(() => this.ledger.keptUnder(), 'nothing');
    return under !== 'nothing' && under?.epoch !== epoch;
  }

  /**
   * That is the destination's claim now. What is known may not hold under it: then it is forgotten, and `forgotten` hears so,
   * with a warning where the archive is not the one that it was.
   */
  keepUnder(claim: Claim | undefined, forgotten: (report: Report | undefined) => void): void {
    const under = { archive: this.archiveName(), epoch: claim?.epoch ?? 0 };
    const before = this.quietly(() => this.ledger.keepUnder(under, this.isDryRun), 'same');
    if (before === 'same') return;
    const isOther = before !== 'unknown' && before.archive !== under.archive;
    const message = `${this.destination.url} is another archive than it was`;
    forgotten(isOther ? { message, detail: 'What is here is carried there.' } : undefined);
  }

  /** As this node has noted it when the road was opened. */
  private archiveName(): string {
    const key = noteKeyOf(this.destination.url);
    return this.quietly(() => recall(key, this.identity), undefined) ?? '-';
  }

  /** The destination has lost what it had: nothing is known of it but this file, which it has again. */
  lost(key: string): Report {
    this.unlessUnreadable(() => this.ledger.forget(), undefined);
    this.add(key);
    const message = `${key} is not at ${this.destination.url} any more`;
    return { message, detail: 'What is here is carried there once more.' };
  }

  save(): void {
    clearTimeout(this.timer);
    this.unsaved = 0;
    if (this.isDryRun) return;
    this.unlessUnreadable(() => this.ledger.save(), undefined);
  }

  /** Where the ledger cannot be used, what is looked for or added next says so. */
  private quietly<T>(verb: () => T, otherwise: NoInfer<T>): T {
    try {
      return verb();
    } catch (error) {
      if (!(error instanceof ProgramError) && errnoOf(error) === undefined) throw error;
      return otherwise;
    }
  }

  /** A ledger that cannot be read or written knows of nothing. */
  private unlessUnreadable<T>(verb: () => T, otherwise: NoInfer<T>): T {
    try {
      return verb();
    } catch (error) {
      this.onFault(error);
      return otherwise;
    }
  }
}
