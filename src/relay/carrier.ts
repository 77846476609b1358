// Everything for one destination: what waits for it, the road that stays open, a few files under way at a time. After a
// fault of the destination nothing more is begun until resume(): others go on meanwhile.
import type { ThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import type { Report } from '../program/print-error.ts';
import type { Destination } from '../program/settings/settings.ts';
import { nameOfVersion } from '../transport/archive-extras.ts';
import type { Claim } from '../transport/ownership.ts';
import type { ReadTransport, Transport } from '../transport/transport.ts';
import { Books } from './books.ts';
import { atOnce, carry, type Carried } from './carry.ts';
import { KeptRoad } from './kept-road.ts';
import type { Listener } from './listener.ts';
import { Proof } from './proof.ts';
import { byAge, isHistory, Queue } from './queue.ts';

export class Carrier {
  readonly destination: Destination;
  private readonly node: ThisNode;
  private readonly source: () => ReadTransport;
  private readonly listener: Listener;
  private readonly stop: AbortSignal;
  private readonly books: Books;
  private readonly queue = new Queue();
  private readonly underWay = new Set<string>();
  private readonly refused = new Set<string>();
  /** Calls that have not ended, also those that were given up: one that hangs keeps a thread. */
  private hanging = 0;
  private readonly road: KeptRoad;
  private mustReopen = false;
  private readonly proof = new Proof();
  private isSuspended = false;
  private fault: unknown;
  private wakeIdle: (() => void)[] = [];

  constructor(
    destination: Destination,
    node: ThisNode,
    source: () => ReadTransport,
    listener: Listener,
    stop: AbortSignal,
  ) {
    this.destination = destination;
    this.node = node;
    this.source = source;
    this.listener = listener;
    this.stop = stop;
    const forgotten = (report?: Report): void => {
      this.proof.forget();
      listener.forgotten(this, report);
    };
    const lacks = (report: Report): void => listener.lacking(this, report);
    this.road = new KeptRoad(destination, node, stop, lacks, (held) => this.books.keepUnder(held, forgotten));
    this.books = new Books(destination, node, (fault) => listener.unrecorded(this, fault));
  }

  /** How many wait or are under way. */
  get waiting(): number {
    return this.queue.length + this.underWay.size;
  }

  /** What the destination lacks, also what was refused, in no order. */
  lacking(): string[] {
    return [...this.underWay, ...this.queue.all(), ...this.refused].filter(
      (key) => !this.proof.isUnderWay(key),
    );
  }

  /** The one that goes, or went, next. */
  get next(): string | undefined {
    return [...this.underWay, this.queue.first() ?? []].flat().sort(byAge)[0];
  }

  get hasFailed(): boolean {
    return this.fault !== undefined;
  }

  /** All that is here: what the destination is not known to have is carried. */
  offer(keys: readonly string[]): void {
    this.books.settlePlace((report) => this.listener.forgotten(this, report));
    const lacking = new Set(this.books.lacking(keys));
    this.proof.choose(keys, lacking);
    for (const key of lacking) if (!this.underWay.has(key)) this.queue.add(key);
    this.pump();
  }

  /** One arrival. */
  offerOne(key: string): void {
    if (this.underWay.has(key) || this.books.has(key)) return;
    this.queue.add(key);
    this.pump();
  }

  /** Opens the road before the first arrival needs it. */
  warm(): void {
    if (this.road.isOpen || this.isHeld()) return;
    void this.heard(this.opened());
  }

  /**
   * Asks the destination whose it is, unless what is known of it was so under a claim of this epoch, which is that of the own
   * archive: one claim of both has one epoch, and may have put files aside there.
   */
  async lookAgain(epoch: number): Promise<void> {
    if (this.isHeld() || !this.books.isOfAnother(epoch)) return;
    await this.heard(this.road.lookAgain((verb) => this.bounded(`look into ${this.destination.url}`, verb)));
  }

  private heard(answer: Promise<unknown>): Promise<void> {
    return answer.then(
      () => this.listener.answered(this),
      (error: unknown) => this.fail(error),
    );
  }

  /** After a fault: tries again, from the oldest on. False while a call of before still hangs. */
  resume(): boolean {
    if (this.hanging > 0) return false;
    this.fault = undefined;
    if (this.queue.length === 0) this.warm();
    this.pump();
    return true;
  }

  /**
   * A person has suspended it, or lets it have files again: nothing more is begun meanwhile, but what it lacks is still
   * needed. True when that is new.
   */
  suspend(isSuspended: boolean): boolean {
    if (isSuspended === this.isSuspended) return false;
    this.isSuspended = isSuspended;
    this.pump();
    return true;
  }

  /** Opens the road anew, once what is under way is done, where it was opened on behalf of another owner. */
  followOwner(owner: Claim | undefined): void {
    if (!this.road.isOfAnother(owner)) return;
    this.mustReopen = true;
    this.pump();
    this.warm();
  }

  /** When nothing is under way, and nothing more is begun unless something is offered or resumed. */
  async idle(): Promise<void> {
    if (this.isIdle()) return;
    await new Promise<void>((resolve) => this.wakeIdle.push(resolve));
  }

  /** Ends: what is under way is given up by the signal. */
  async close(): Promise<void> {
    await this.idle();
    this.books.save();
    await this.drop();
  }

  private isIdle(): boolean {
    return this.underWay.size === 0 && (this.queue.length === 0 || this.isHeld());
  }

  private isHeld(): boolean {
    return this.fault !== undefined || this.isSuspended || this.stop.aborted;
  }

  private pump(): void {
    while (!this.isHeld() && this.underWay.size < atOnce(this.node)) {
      if (this.reopensLater() || this.mustWait()) break;
      const key = this.queue.length === 0 ? undefined : (this.proof.begin() ?? this.queue.shift());
      if (key === undefined) break;
      this.underWay.add(key);
      void this.carryOne(key);
    }
    if (!this.isIdle()) return;
    for (const wake of this.wakeIdle.splice(0)) wake();
  }

  private reopensLater(): boolean {
    if (this.mustReopen && this.underWay.size === 0) void this.drop();
    return this.mustReopen;
  }

  /**
   * A segment of a timeline must not be there before the timeline's history, a version not before the first of its name,
   * and nothing before the proof.
   */
  private mustWait(): boolean {
    const original = nameOfVersion(this.queue.first() ?? '');
    return [...this.underWay].some((key) => !this.proof.isProven || isHistory(key) || key === original);
  }

  private async carryOne(key: string): Promise<void> {
    try {
      const carried = await this.bounded(`store ${key} at ${this.destination.url}`, async (signal) => {
        const road = await this.opened();
        return carry(key, { source: this.source(), node: this.node, road, signal });
      });
      this.settle(key, carried);
      this.underWay.delete(key);
      this.listener.answered(this);
    } catch (error) {
      this.underWay.delete(key);
      if (this.proof.isUnderWay(key)) this.proof.giveUp();
      else this.queue.add(key);
      this.fail(error);
    }
    this.pump();
  }

  private settle(key: string, carried: Carried): void {
    if (this.proof.isUnderWay(key)) return this.settleProof(key, carried);
    this.refused.delete(key);
    if (carried.outcome === 'gone') return;
    if (carried.outcome === 'refused') {
      this.refused.add(key);
      return this.listener.refused(this, key, carried.fault);
    }
    this.books.add(key);
    this.proof.carried(key);
    this.listener.carried(this, key, carried);
  }

  private settleProof(key: string, { outcome }: Carried): void {
    this.proof.end();
    if (outcome === 'already-stored') this.books.add(key);
    if (outcome === 'stored' && !this.node.identity.dryRun)
      this.listener.forgotten(this, this.books.lost(key));
  }

  private fail(error: unknown): void {
    if (this.fault !== undefined || this.stop.aborted) return;
    this.fault = error;
    void this.drop();
    this.books.save();
    this.listener.failed(this, this.road.explained(error));
  }

  private opened(): Promise<Transport> {
    return this.road.opened((verb) => this.bounded(`open ${this.destination.url}`, verb));
  }

  /** Within the destination's limit. */
  private bounded<T>(what: string, verb: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return bounded(what, this.destination.timeLimitMs, this.stop, (signal) => {
      this.hanging++;
      return verb(signal).finally(() => this.hanging--);
    });
  }

  private drop(): Promise<void> {
    this.proof.giveUp();
    this.mustReopen = false;
    return this.road.drop();
  }
}
