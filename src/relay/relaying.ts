// The relay while the node's role and configuration stay as they are: the own archive watched, a carrier for each
// destination, those that failed tried again with growing pauses.
import type { ThisNode } from '../postgres/this-node.ts';
import { ProgramError } from '../program/program-error.ts';
import { isSameClaim, type Claim } from '../transport/ownership.ts';
import type { ReadTransport } from '../transport/transport.ts';
import { ArrivalWatch } from './arrival-watch.ts';
import { listArrivals, listFew, openOwnArchive } from './arrivals.ts';
import { Carrier } from './carrier.ts';
import type { Listener } from './listener.ts';
import { registerRelay } from './cursor.ts';
import { destinationsOf } from './destinations.ts';
import { ownerOf } from './on-behalf.ts';
import { noting } from './noting.ts';
import { followSuspensions } from './suspended.ts';
import type { Telling } from './telling.ts';

/** The pauses before a destination that failed is tried again, in ms: doubled each time. */
const firstPauseMs = 500;
const longestPauseMs = 30_000;
/** How often it is put on record at the own archive what is still needed of it, in ms. */
const registerEveryMs = 60_000;

/** Which arrivals count; on a standby all. */
export type Wanted = (key: string) => boolean;

interface Retry {
  pauseMs: number;
  timer: NodeJS.Timeout | undefined;
}

export class Relaying {
  private readonly node: ThisNode;
  private readonly wanted: Wanted;
  private readonly telling: Telling;
  private readonly controller = new AbortController();
  private readonly stop: AbortSignal;
  private readonly wake: () => void;
  private readonly watch: ArrivalWatch;
  private source: ReadTransport | undefined;
  private carriers: Carrier[] = [];
  private readonly retries = new Map<Carrier, Retry>();
  private isUnsure = true;
  private registeredAt = -Infinity;
  private newest: string[] = [];
  /** Another node that holds the own archive, as it was said. */
  private owner: Claim | undefined;

  /** `wake` asks for a tick(). */
  constructor(node: ThisNode, wanted: Wanted, telling: Telling, wake: () => void, stop: AbortSignal) {
    this.node = node;
    this.wanted = wanted;
    this.telling = telling;
    this.wake = wake;
    this.stop = AbortSignal.any([stop, this.controller.signal]);
    this.watch = new ArrivalWatch(node.settings.archiveDirectory);
  }

  /** Opens the roads; `eager` also those that nothing is to go over yet. The first look is tick()'s. */
  async begin(eager: boolean): Promise<void> {
    const destinations = await destinationsOf(this.node, this.stop);
    const source = (): ReadTransport => this.source!;
    const listener = noting(this.node, this.listener());
    this.carriers = destinations.map((each) => new Carrier(each, this.node, source, listener, this.stop));
    followSuspensions(this.carriers, this.node, this.telling);
    if (eager) for (const carrier of this.carriers) carrier.warm();
  }

  /** Looks where events may have missed something. What is wrong with the own archive is said, not thrown. */
  async tick(): Promise<void> {
    followSuspensions(this.carriers, this.node, this.telling);
    try {
      if (this.isUnsure || (await this.watch.mustLook())) await this.lookAtAll();
      else this.offer(await listFew(this.node));
      await this.followOwner();
      await this.register();
      if (this.telling.over('archive'))
        this.telling.say('back', 'LOG', {
          message: `${this.node.settings.archiveDirectory} can be read again`,
        });
    } catch (error) {
      if (this.stop.aborted) return;
      this.isUnsure = true;
      this.telling.fault('failed', 'ERROR', error, { topic: 'archive' });
    }
  }

  /** Gives up what is under way, and waits until nothing of it is left. */
  async end(): Promise<void> {
    this.watch.end();
    for (const { timer } of this.retries.values()) clearTimeout(timer);
    this.controller.abort(new Error('the relay ends'));
    await Promise.all(this.carriers.map((carrier) => carrier.close()));
    await this.source?.close();
  }

  /** Watch first, then look: what comes in between is seen twice, which does no harm. */
  private async lookAtAll(): Promise<void> {
    this.isUnsure = false;
    await this.source?.close();
    this.source = await openOwnArchive(this.node, this.stop);
    await this.watch.begin(
      this.source,
      (name) => this.arrived(name),
      () => this.lookSoon(),
    );
    const keys = await listArrivals(this.source, this.node, this.stop);
    this.watch.looked();
    this.newest = keys.slice(-1);
    this.offer(keys);
  }

  /** It may have been claimed by another node since the roads were opened. */
  private async followOwner(): Promise<void> {
    const owner = await ownerOf(this.source!, this.node, this.stop);
    for (const carrier of this.carriers) carrier.followOwner(owner);
    if (owner !== undefined) for (const carrier of this.carriers) void carrier.lookAgain(owner.epoch);
    if (isSameClaim(owner, this.owner)) return;
    this.owner = owner;
    const { archiveDirectory } = this.node.settings;
    const message =
      owner === undefined
        ? `no other node holds ${archiveDirectory} any more: carrying as this node`
        : `carrying on behalf of ${owner.nodeName} (${owner.node}), which holds ${archiveDirectory} since epoch ${owner.epoch}`;
    this.telling.say('relaying', 'LOG', { message }, { topic: 'owner' });
  }

  private lookSoon(): void {
    this.isUnsure = true;
    this.wake();
  }

  private offer(keys: readonly string[]): void {
    const wanted = keys.filter(this.wanted);
    for (const carrier of this.carriers) carrier.offer(wanted);
  }

  private arrived(name: string): void {
    if (!this.wanted(name)) return;
    for (const carrier of this.carriers) carrier.offerOne(name);
  }

  private async register(): Promise<void> {
    if (this.source === undefined || performance.now() - this.registeredAt < registerEveryMs) return;
    this.registeredAt = performance.now();
    const lacking = this.carriers.flatMap((carrier) => carrier.lacking());
    await registerRelay(this.source, lacking, this.newest, this.node, this.stop).catch((error: unknown) => {
      if (!this.stop.aborted) this.telling.fault('warning', 'WARNING', error, { topic: 'registry' });
    });
  }

  private listener(): Listener {
    const { telling } = this;
    const about = ({ destination }: Carrier) => ({ destination: destination.name });
    return {
      carried: (carrier, key, carried) => {
        telling.over(`refused ${key} ${carrier.destination.name}`);
        const fields = { file: key, ...about(carrier), outcome: carried.outcome };
        telling.event('carried', `relayed ${key} to ${carrier.destination.name}`, fields);
        if ('warning' in carried && carried.warning !== undefined)
          telling.say('warning', 'WARNING', { message: carried.warning }, { topic: 'content' });
      },
      refused: (carrier, key, fault) => {
        // Nothing about the file: the own archive is away, and offers it again when it is back.
        if (fault.kind === 'directory-missing') {
          telling.fault('failed', 'ERROR', fault, { topic: 'archive' });
          return this.lookSoon();
        }
        const topic = `refused ${key} ${carrier.destination.name}`;
        telling.fault('refused', 'ERROR', fault, { topic, file: key, ...about(carrier) });
      },
      answered: (carrier) => this.answered(carrier),
      failed: (carrier, fault) => this.failed(carrier, fault),
      forgotten: (carrier, report) => {
        if (report !== undefined) telling.say('forgotten', 'WARNING', report, about(carrier));
        this.lookSoon();
      },
      lacking: (carrier, report) => telling.say('warning', 'WARNING', report, about(carrier)),
      unrecorded: (carrier, fault) =>
        telling.fault('warning', 'WARNING', fault, { topic: 'ledger', ...about(carrier) }),
    };
  }

  private failed(carrier: Carrier, fault: unknown): void {
    const { name } = carrier.destination;
    const { waiting, next } = carrier;
    const wait =
      waiting === 0
        ? 'Nothing waits for it'
        : `It lacks ${waiting === 1 ? `${next}` : `${waiting} files, ${next} first`}`;
    const detail = `${wait}; it is tried again with growing pauses.`;
    // The words of one and the same fault depend on where it was met.
    const news = fault instanceof ProgramError ? fault.kind : String(fault);
    const about = { topic: `failed ${name}`, news, destination: name };
    this.telling.fault('failed', 'WARNING', fault, about, detail);
    const pauseMs = Math.min(longestPauseMs, (this.retries.get(carrier)?.pauseMs ?? firstPauseMs / 2) * 2);
    this.retryLater(carrier, pauseMs);
  }

  private retryLater(carrier: Carrier, pauseMs: number): void {
    const retry = (): void => {
      if (!carrier.resume()) this.retryLater(carrier, pauseMs);
    };
    this.retries.set(carrier, { pauseMs, timer: setTimeout(retry, pauseMs) });
  }

  /** A destination that had failed takes files again. */
  private answered(carrier: Carrier): void {
    const { name } = carrier.destination;
    if (carrier.hasFailed || !this.retries.delete(carrier)) return;
    this.telling.over(`failed ${name}`);
    const rest = carrier.waiting;
    const message = `${name} takes files again${rest > 0 ? `: ${rest} more wait for it` : ''}`;
    this.telling.say('back', 'LOG', { message }, { destination: name });
  }
}
