// triggerStandby and the archives: they are claimed before the promotion is asked for, so that nothing of the old primary
// gets into them while it goes on, and told of the fork once it is known.
//
// A promotion that could not be asked for gives the claims back: the standby goes on following, and the old primary has
// to be able to feed it. Once it was asked for they stay, whatever becomes of our waiting; also after a crash in between,
// where the old primary keeps its WAL until triggerStandby is run again or that primary claims its archives back.
import type { ThisNode } from '../postgres/this-node.ts';
import { ProgramError } from '../program/program-error.ts';
import { withoutSecret } from '../program/road-url.ts';
import type { ClaimOutcome } from '../transport/ownership-verbs.ts';
import type { Ownership } from '../transport/ownership.ts';
import { claimEach, lookAtEach, releaseEach } from './claim-archives.ts';
import { behindOthers, behindWarning } from './common-epoch.ts';
import { ancestorsOf } from './fork.ts';
import { targetsOf, wordsFor, type At, type Target } from './targets.ts';
import type { Telling } from './telling.ts';

/** What triggerStandby has claimed, for its answer. */
export interface Claimed {
  url: string;
  epoch: number;
}

export class TakeOver {
  private readonly node: ThisNode;
  private readonly telling: Telling;
  private readonly targets: Target[];
  private readonly held = new Map<Target, number>();
  /** What this call has begun to claim, and no earlier one had. */
  private readonly begun = new Set<Target>();
  private timeline = 0;
  private readonly toldOf = new Set<Target>();
  private readonly toldBehind = new Set<Target>();

  constructor(node: ThisNode, telling: Telling) {
    this.node = node;
    this.telling = telling;
    this.targets = targetsOf(node.settings);
  }

  /** What the archives say now, as steps of a dry run. */
  async steps(timeline: number, stop: AbortSignal): Promise<string[]> {
    const looks = await lookAtEach(this.targets, this.node, stop);
    return looks.map((look) => {
      const what = `claim ${look.target.url} for timeline ${timeline}`;
      if (look.fault !== undefined) return `${what}, which fails: ${look.fault.message}`;
      const { standing, claim } = look.value;
      if (claim === undefined || standing === 'ours') return what;
      return `${what}, from node ${claim.nodeName} (${claim.node}), epoch ${claim.epoch}`;
    });
  }

  /** Claims them all. Throws where the own archive cannot be claimed, or where another node claims at the same time. */
  async begin(timeline: number, stop: AbortSignal): Promise<void> {
    this.timeline = timeline;
    const request = { timeline, nodeName: this.node.settings.nodeName, takeOver: true };
    // An earlier call may have asked for the promotion, and it may come yet: what that one claimed is never given back.
    const before = (target: Target, { claim }: Ownership): void => {
      if (claim?.node === this.node.identity.nodeId && claim.timeline === timeline) return;
      this.begun.add(target);
    };
    const results = await claimEach(this.targets, () => request, this.node, stop, before);
    for (const each of results) {
      const { target, fault } = each;
      if (fault === undefined) this.held.set(target, each.value.claim.epoch);
      else if (target.destination === undefined || fault.kind === 'fenced') throw fault;
      else await this.warnOf(target, fault);
    }
    await this.warnOfEpochs(results);
  }

  /** Gives back what this call has claimed, also where it was stopped in the middle of it: nobody will be promoted. */
  async giveBack(): Promise<void> {
    // Not with our own signal: a primary that is left fenced could not archive any more.
    const never = new AbortController().signal;
    const results = await releaseEach([...this.begun], this.timeline, this.node, never);
    for (const { target, fault } of results) {
      if (fault === undefined) continue;
      const message = `could not give ${wordsFor(target)} back: ${fault.message}`;
      await this.telling.warn({
        message,
        hint: `So that the primary can archive there again, run on it: twowarm claim --take-over ${target.url}`,
      });
    }
  }

  /** After the promotion: the archives learn of the fork. By URL, the names of what is in quarantine since. */
  async finish(timeline: number, stop: AbortSignal): Promise<Map<string, string[]>> {
    const { settings } = this.node;
    const history = ancestorsOf(settings.dataDirectory, timeline);
    const request = { timeline, nodeName: settings.nodeName, ...(history.length === 0 ? {} : { history }) };
    const isLate = (each: Target): boolean => this.toldOf.has(each);
    const targets = this.targets.filter((each) => this.held.has(each) || isLate(each));
    const requestOf = (each: Target) => ({ ...request, takeOver: isLate(each) });
    const results = await claimEach(targets, requestOf, this.node, stop);
    const quarantined = new Map<string, string[]>();
    for (const result of results) {
      const { target, fault } = result;
      if (fault !== undefined) await this.warnOf(target, fault);
      else {
        this.held.set(target, result.value.claim.epoch);
        quarantined.set(target.url, result.value.quarantined);
        await this.noteSettled(target, result.value);
      }
    }
    await this.warnOfEpochs(results);
    return quarantined;
  }

  /** On a node that was promoted by an earlier call: finishes its claims, and begins none. */
  async resume(timeline: number, stop: AbortSignal): Promise<void> {
    const looks = await lookAtEach(this.targets, this.node, stop);
    const { nodeId } = this.node.identity;
    for (const look of looks)
      if (look.fault === undefined && look.value.claim?.node === nodeId)
        this.held.set(look.target, look.value.claim.epoch);
    await this.finish(timeline, stop);
  }

  /** The archives that are this node's now. */
  claimed(): Claimed[] {
    return [...this.held].map(([{ url }, epoch]) => ({ url, epoch }));
  }

  private async noteSettled({ url }: Target, { claim, settled }: ClaimOutcome): Promise<void> {
    const names = settled?.putBack ?? [];
    if (names.length === 0) return;
    const words = `of the line of timeline ${claim.timeline}: ${names[0]} to ${names.at(-1)}, files: ${names.length}`;
    await this.telling.note({ message: `put back from quarantine at ${withoutSecret(url)}, ${words}` });
  }

  private async warnOfEpochs(results: readonly At<ClaimOutcome>[]): Promise<void> {
    for (const each of behindOthers(results)) {
      if (!this.toldBehind.has(each.target)) await this.telling.warn(behindWarning(each));
      this.toldBehind.add(each.target);
    }
  }

  private async warnOf(target: Target, fault: ProgramError): Promise<void> {
    if (this.toldOf.has(target)) return;
    this.toldOf.add(target);
    const which = target.destination ?? target.url;
    // Somebody has claimed it meanwhile: that is no matter of reach.
    const isLost = fault.kind === 'fenced';
    // Nor is a road that cannot claim, and says which one can.
    const cure = isLost || fault.kind === 'not-allowed' ? fault.hint : undefined;
    await this.telling.warn({
      message: `could not claim ${wordsFor(target)}: ${fault.message}`,
      detail: isLost ? fault.detail : 'The old primary may archive there until this node claims it.',
      hint: cure ?? `Once it can be reached: twowarm claim --take-over ${which}`,
    });
  }
}
