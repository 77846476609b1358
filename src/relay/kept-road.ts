// The road to one destination while a relay works: opened when it is first needed, on behalf of whoever holds the own
// archive then, and kept open until something is wrong with it or that archive has changed hands.
import type { ThisNode } from '../postgres/this-node.ts';
import type { Destination } from '../program/settings/settings.ts';
import { isSameClaim, type Claim } from '../transport/ownership.ts';
import type { Transport } from '../transport/transport.ts';
import { openRoad } from './destinations.ts';
import { explained, lookForOwner, onBehalfOf } from './on-behalf.ts';

export class KeptRoad {
  private readonly destination: Destination;
  private readonly node: ThisNode;
  private readonly stop: AbortSignal;
  private road: Promise<Transport> | undefined;
  /** On whose behalf it was opened. */
  private owner: Claim | undefined;

  constructor(destination: Destination, node: ThisNode, stop: AbortSignal) {
    this.destination = destination;
    this.node = node;
    this.stop = stop;
  }

  /** Also one that is just being opened. */
  get isOpen(): boolean {
    return this.road !== undefined;
  }

  /** `limited` is for what opening it takes. */
  opened(
    limited: (verb: (signal: AbortSignal) => Promise<Transport>) => Promise<Transport>,
  ): Promise<Transport> {
    return (this.road ??= limited(async (signal) => {
      this.owner = await lookForOwner(this.node, this.stop);
      return openRoad(this.destination, onBehalfOf(this.owner, this.node), signal);
    }));
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
