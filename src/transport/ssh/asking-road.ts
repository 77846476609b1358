// What a road over ssh asks of a receiver in one request and one reply: who owns the archive, claims, reservations, what a
// reader needs. The files themselves are in road.ts.
import { fromSystemError, ProgramError } from '../../program/program-error.ts';
import { parseWalFileName } from '../../wal/filename.ts';
import type { ClaimRequest } from '../claims.ts';
import type { Condition } from '../condition.ts';
import type { Need } from '../consumer-record.ts';
import type { Registration } from '../consumers.ts';
import { rememberEpoch } from '../known-archives.ts';
import type { ClaimOutcome } from '../ownership-verbs.ts';
import type { Ownership } from '../ownership.ts';
import type { PrunedRange } from '../pruned-ranges.ts';
import type { Reservation, ReservationRequest } from '../reservations.ts';
import type { Identity } from '../transport.ts';
import type { Message, Welcome } from '../wire/messages.ts';
import {
  claimRequestToJson,
  readClaimOutcome,
  readOwnership,
  readReservation,
  reserveToJson,
} from '../wire/ownership-messages.ts';
import { needToJson, readCondition, readPruned } from '../wire/reader-messages.ts';
import type { Link } from './link.ts';

/** A connection that somebody may use; `release` when they are done. */
export interface Lease {
  link: Link;
  welcome: Welcome;
  release: () => void;
}

/** The conversations of a road that carry no file. */
export abstract class AskingRoad {
  readonly url: string;
  protected readonly lease: Lease;
  protected readonly identity: Identity;

  constructor(url: string, lease: Lease, identity: Identity) {
    this.url = url;
    this.lease = lease;
    this.identity = identity;
  }

  async registerConsumer(need: Need, signal: AbortSignal): Promise<Registration> {
    const reply = await this.ask('register at', needToJson(need), signal);
    return reply.oneOf('reply', ['registered', 'unchanged', 'not-an-archive'] as const);
  }

  async prunedOf(name: string, signal: AbortSignal): Promise<PrunedRange | undefined> {
    const request = { verb: 'pruned-of', name: walName(name) };
    const reply = await this.ask('ask for what was pruned at', request, signal);
    return reply.text('reply') === 'missing' ? undefined : readPruned(reply);
  }

  get receiver(): { version: string; mayRead: boolean } {
    const { receiver, may_read: mayRead } = this.lease.welcome;
    return { version: receiver, mayRead };
  }

  async condition(write: boolean, signal: AbortSignal): Promise<Condition | undefined> {
    try {
      return readCondition(await this.ask('look at the disk of', { verb: 'condition', write }, signal));
    } catch (error) {
      if (isUnknownVerb(error, 'condition')) return undefined;
      throw error;
    }
  }

  async ownership(signal: AbortSignal): Promise<Ownership> {
    return readOwnership(await this.ask('ask for the owner of', { verb: 'ownership' }, signal));
  }

  async claim(request: ClaimRequest, signal: AbortSignal): Promise<ClaimOutcome> {
    const outcome = readClaimOutcome(await this.ask('claim', claimRequestToJson(request), signal));
    const { archive } = this.lease.welcome;
    if (archive !== undefined) rememberEpoch(this.url, archive, outcome.claim.epoch, this.identity);
    return outcome;
  }

  async release(epoch: number, signal: AbortSignal): Promise<'released' | 'not-ours'> {
    const what = `take back the claim of epoch ${epoch} of`;
    const reply = await this.ask(what, { verb: 'release', epoch }, signal);
    return reply.oneOf('reply', ['released', 'not-ours'] as const);
  }

  async reserve(request: ReservationRequest, signal: AbortSignal): Promise<'reserved' | 'already-reserved'> {
    const what = `reserve timeline ${request.timeline} at`;
    const reply = await this.ask(what, reserveToJson(request), signal);
    return reply.oneOf('reply', ['reserved', 'already-reserved'] as const);
  }

  async reservationOf(timeline: number, signal: AbortSignal): Promise<Reservation | undefined> {
    const what = `look for the reservation of timeline ${timeline} at`;
    const reply = await this.ask(what, { verb: 'reservation-of', timeline }, signal);
    return reply.text('reply') === 'missing' ? undefined : readReservation(reply);
  }

  protected get link(): Link {
    return this.lease.link;
  }

  protected ask(what: string, request: object, signal: AbortSignal): Promise<Message> {
    return this.about(what, () => this.link.askOnce(request, signal));
  }

  /** What is wrong with the connection says what it was for; a refusal of the receiver says so itself. */
  protected async about<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw aboutRoad(`could not ${what} ${this.url}`, error);
    }
  }
}

/** A fault of the connection, with what it kept from happening. */
export function aboutRoad(message: string, error: unknown): Error {
  if (!(error instanceof ProgramError) || !('isOfLink' in error)) return fromSystemError(error, message);
  const { kind, detail, hint } = error;
  return new ProgramError(kind, `${message}: ${error.message}`, { detail, hint, cause: error });
}

/** Whether a receiver is too old to know what it was asked. */
export const isUnknownVerb = (error: unknown, verb: string): boolean =>
  error instanceof ProgramError && error.message === `the receiver does not know "${verb}"`;

/** A name becomes part of a request only through here. */
export function walName(name: string): string {
  if (parseWalFileName(name) !== undefined) return name;
  throw new ProgramError('invalid-name', `"${name}" is not the name of a WAL file`);
}
