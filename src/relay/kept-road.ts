// The road to one destination while a relay works: opened when it is first needed, on behalf of whoever holds the own
// archive then, and kept open until something is wrong with it or that archive has changed hands.
import type { ThisNode } from '../postgres/this-node.ts';
import type { Report } from '../program/print-error.ts';
import type { Destination } from '../program/settings/settings.ts';
import { isSameClaim, type Claim } from '../transport/ownership.ts';
import { tellLacks } from '../transport/tell-lacks.ts';
import type { Transport } from '../transport/transport.ts';
import { openRoad } from './destinations.ts';
import { explained, lookForOwner, onBehalfOf } from './on-behalf.ts';

/** Does something with the road within a time limit. */
type Limited = (verb: (signal: AbortSignal) => Promise<Transport>) => Promise<Transport>;

export class KeptRoad {
  private readonly destination: Destination;
  private readonly node: ThisNode;
  private readonly stop: AbortSignal;
  private readonly lacks: (report: Report) => void;
  private readonly saw: (claim: Claim | undefined) => void;
  private road: Promise<Transport> | undefined;
  /** On whose behalf it was opened. */
  private owner: Claim | undefined;

  /**
   * `lacks` hears, once, what a road that was opened does not promise; `saw` whose the destination is, whenever that is looked
   * at, before anything is carried there.
   */
  constructor(
    destination: Destination,
    node: ThisNode,
    stop: AbortSignal,
    lacks: (report: Report) => void,
    saw: (claim: Claim | undefined) => void,
  ) {
    this.destination = destination;
    this.node = node;
    this.stop = stop;
    this.lacks = lacks;
    this.saw = saw;
  }

  /** Also one that is just being opened. */
  get isOpen(): boolean {
    return this.road !== undefined;
  }

  /** `limited` is for what opening it takes. */
  opened(limited: Limited): Promise<Transport> {
    return (this.road ??= limited(async (signal) => {
      this.owner = await lookForOwner(this.node, this.stop);
      const road = await openRoad(this.destination, onBehalfOf(this.owner, this.node), signal);
      try {
        this.tellOf(road);
        await this.look(road, signal);
        return road;
      } catch (error) {
        await road.close();
        throw error;
      }
    }));
  }

  /** Looks whose the destination is; opening it does, too. */
  lookAgain(limited: Limited): Promise<Transport> {
    const { road } = this;
    if (road === undefined) return this.opened(limited);
    return limited(async (signal) => {
      await this.look(await road, signal);
      return road;
    });
  }

  private tellOf(road: Transport): void {
    const { settings, identity } = this.node;
    if (identity.dryRun === true) return;
    const report = tellLacks(road, this.destination, settings.home);
    if (report !== undefined) this.lacks(report);
  }

  private async look(road: Transport, signal: AbortSignal): Promise<void> {
    const { claim } = await road.ownership(signal);
    this.saw(claim);
  }

  /** Whether it is open on behalf of another owner than this one. */
  isOfAnother(owner: Claim | undefined): boolean {
    return this.isOpen && !isSameClaim(owner, this.owner);
  }

  /** A fault of the destination, in words for a relay. */
  explained(fault: unknown): unknown {
    return explained(fault, this.owner, this.node);
  }

  /** Closes it; the next one who needs it opens another. */
  async drop(): Promise<void> {
    const { road } = this;
    this.road = undefined;
    // One that could not be opened, or does not close, has had its fault told.
    await road?.then((opened) => opened.close()).catch(() => undefined);
  }
}
