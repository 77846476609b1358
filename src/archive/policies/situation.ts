// What a call finds before it asks anybody: who is suspended, who fails since when, who stands in for whom and how much
// longer. Read once; nothing here changes anything.
import {
  readFailing,
  readStandingIn,
  readSuspension,
  type Failing,
  type StandingIn,
} from '../../program/destination-notes.ts';
import type { Destination } from '../../program/settings/settings.ts';
import { isOwn } from '../own-destination.ts';

export interface Known {
  destination: Destination;
  isSuspended: boolean;
  failing: Failing | undefined;
}

/** A fallback that stands in for a destination already, and until when it may; undefined: without limit. */
export interface Standing {
  since: StandingIn | undefined;
  untilMs: number | undefined;
}

export class Situation {
  readonly nowMs = Date.now();
  readonly known: readonly Known[];
  private readonly home: string;

  constructor(home: string, destinations: readonly Destination[]) {
    this.home = home;
    this.known = destinations.map((destination) => {
      const noted = !isOwn(destination);
      return {
        destination,
        isSuspended: noted && readSuspension(home, destination.name) !== undefined,
        failing: noted ? readFailing(home, destination.name) : undefined,
      };
    });
  }

  /** The fallbacks that are for this destination and are not suspended, in the order of the configuration. */
  fallbacksOf(name: string): Known[] {
    return this.known.filter(
      ({ destination, isSuspended }) => !isSuspended && destination.standIn?.for.includes(name) === true,
    );
  }

  suspendedFallbacksOf(name: string): Known[] {
    return this.known.filter(
      ({ destination, isSuspended }) => isSuspended && destination.standIn?.for.includes(name) === true,
    );
  }

  standing(fallback: Destination, required: string): Standing {
    const since = readStandingIn(this.home, fallback.name, required);
    const limitMs = fallback.standIn?.limitMs;
    return {
      since,
      untilMs: since === undefined || limitMs === undefined ? undefined : Date.parse(since.since) + limitMs,
    };
  }

  /** For a suspended destination there is no limit: a person has decided. */
  mayStandIn(fallback: Destination, required: Known): boolean {
    const { untilMs } = this.standing(fallback, required.destination.name);
    return required.isSuspended || untilMs === undefined || this.nowMs < untilMs;
  }
}
