// An archive that is a directory, as far as it belongs to somebody: who was admitted to it and how he stands to it. Its
// files are in filesystem.ts; what the verbs of ownership do is in ownership-verbs.ts, which loads with the first of them.
import { join } from 'node:path';
import { fromSystemError } from '../program/program-error.ts';
import { claimOn, type Admission } from './archive-identity.ts';
import type { ClaimRequest } from './claims.ts';
import type { ClaimOutcome } from './ownership-verbs.ts';
import { isSameClaim, mayStore, type Ownership } from './ownership.ts';
import type { Fence, Published } from './publish.ts';
import type { Reservation, ReservationRequest } from './reservations.ts';
import type { Identity } from './transport.ts';

const verbs = () => import('./ownership-verbs.ts');

/** How long what the owner file said counts, in ms: a call of archive_command never reads it twice, a road that stays does. */
const freshMs = 1000;

export abstract class OwnedDirectory {
  readonly url: string;
  protected readonly directory: string;
  protected readonly identity: Identity;
  protected readonly admission: Admission;
  private seen: Ownership;
  private seenAt = performance.now();

  constructor(url: string, directory: string, identity: Identity, admission: Admission) {
    this.url = url;
    this.directory = directory;
    this.identity = identity;
    this.admission = admission;
    this.seen = admission.ownership;
  }

  async ownership(signal: AbortSignal): Promise<Ownership> {
    signal.throwIfAborted();
    return (await verbs()).readOwnership(this.archive);
  }

  claim(request: ClaimRequest, signal: AbortSignal): Promise<ClaimOutcome> {
    this.seenAt = -Infinity;
    return this.attempt('claim', async () => (await verbs()).claim(this.archive, request, signal));
  }

  release(epoch: number, signal: AbortSignal): Promise<'released' | 'not-ours'> {
    this.seenAt = -Infinity;
    const what = `take back the claim of epoch ${epoch} of`;
    return this.attempt(what, async () => (await verbs()).release(this.archive, epoch, signal));
  }

  reserve(request: ReservationRequest, signal: AbortSignal): Promise<'reserved' | 'already-reserved'> {
    const what = `reserve timeline ${request.timeline} at`;
    return this.attempt(what, async () => (await verbs()).reserve(this.archive, request, signal));
  }

  reservationOf(timeline: number, signal: AbortSignal): Promise<Reservation | undefined> {
    const what = `look for the reservation of timeline ${timeline} at`;
    return this.attempt(what, async () => (await verbs()).reservationOf(this.archive, timeline, signal));
  }

  /** Throws `fenced` unless the archive takes files from this node; `what` is the end of "cannot …". */
  protected async requireOwner(what: string): Promise<void> {
    if (performance.now() - this.seenAt > freshMs) {
      this.seen = await (await verbs()).readOwnership(this.archive);
      this.seenAt = performance.now();
    }
    if (!mayStore(this.seen)) (await import('./fenced.ts')).requireOwner(this.seen, what, this.url);
  }

  /**
   * For a file that is on its way: looks again right before it gets its name, for the way may take long, and once more when it
   * has it. Between the two looks, a claim may come, and be told of its fork, too: then `after` moves into quarantine what
   * lies past that. A claim after them finds the file there and does it itself. What is left: a process that is killed between
   * the two, in the same moment; the archive's next history file, or claim, finds what it left, and no restore serves it.
   */
  protected fenceOf(name: string, signal: AbortSignal, what = `store ${name}`): Fence {
    return {
      before: async () => {
        if (await this.hasChangedHands()) await this.requireOwner(what);
      },
      after: async () => {
        if (await this.hasChangedHands()) await (await verbs()).settleLate(this.archive, name, what, signal);
      },
    };
  }

  private async hasChangedHands(): Promise<boolean> {
    const claim = await claimOn(this.directory);
    if (isSameClaim(claim, this.seen.claim) && mayStore(this.seen)) return false;
    this.seenAt = -Infinity;
    return true;
  }

  /** Of the owner a history file that is stored, or was, tells what is not the cluster's history any more. */
  protected async learnFromHistory(name: string, published: Published, signal: AbortSignal): Promise<void> {
    if (this.seen.standing !== 'ours' || typeof published !== 'string') return;
    await (await verbs()).learnFromHistory(this.archive, name, this.seen, signal);
  }

  protected ownPath(...parts: string[]): string {
    return join(this.directory, '.twowarm', ...parts);
  }

  protected async attempt<T>(what: string, verb: () => T | Promise<T>): Promise<T> {
    try {
      return await verb();
    } catch (error) {
      throw fromSystemError(error, `could not ${what} ${this.url}`);
    }
  }

  private get archive() {
    const { directory, url, identity } = this;
    return { directory, url, identity };
  }
}
