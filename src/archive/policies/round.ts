// Who is asked for a file, in which order and for how long, until it is where the policies want it or nobody is left.
// What the call then says and keeps on record is settle.ts.
import type { Destination } from '../../program/settings/settings.ts';
import { allowsStandIn, type Attempt } from './attempts.ts';
import { Situation, type Known } from './situation.ts';
import { nextTry } from './when-to-try.ts';

/** Tries one destination within a limit in ms; a fault is part of the answer. */
export type Try = (destination: Destination, limitMs: number) => Promise<Attempt>;

export class Round {
  readonly situation: Situation;
  private readonly attempts = new Map<string, Attempt>();
  private readonly tryOne: Try;

  constructor(situation: Situation, made: readonly Attempt[], tryOne: Try) {
    this.situation = situation;
    this.tryOne = tryOne;
    for (const attempt of made) this.attempts.set(attempt.destination.name, attempt);
  }

  async askAll(): Promise<void> {
    await this.askEverybody();
    await this.askFallbacks();
    await this.insist();
  }

  attemptAt({ destination }: Known): Attempt | undefined {
    return this.attempts.get(destination.name);
  }

  has(known: Known): boolean {
    return this.attemptAt(known)?.outcome !== undefined;
  }

  successes(): Attempt[] {
    return [...this.attempts.values()].filter(({ outcome }) => outcome !== undefined);
  }

  /** Required destinations without the file. */
  lacking(): Known[] {
    return this.situation.known.filter(
      (known) => known.destination.policy === 'required' && !this.has(known),
    );
  }

  /** Those of its fallbacks that may stand in now; none where that would hide what a person has to see. */
  fallbacksOf(known: Known): Known[] {
    if (!allowsStandIn(this.attemptAt(known)?.fault)) return [];
    return this.situation
      .fallbacksOf(known.destination.name)
      .filter(({ destination }) => this.situation.mayStandIn(destination, known));
  }

  standInOf(known: Known): Known | undefined {
    return this.fallbacksOf(known).find((fallback) => this.has(fallback));
  }

  /** Whether the file is somewhere that counts: best effort does not. */
  hasCopy(): boolean {
    return this.successes().some(({ destination }) => destination.policy !== 'best-effort');
  }

  /** All but fallbacks, at the same time, each as long as it may take now. */
  private async askEverybody(): Promise<void> {
    const asked = this.situation.known.filter(
      ({ destination, isSuspended }) => destination.policy !== 'fallback' && !isSuspended,
    );
    const canWait = (known: Known): boolean =>
      known.destination.policy === 'best-effort' || this.fallbacksOf(known).length > 0;
    await Promise.all(asked.map((known) => this.ask(known, canWait(known))));
  }

  /** For each that lacks the file the first fallback that takes it. */
  private async askFallbacks(): Promise<void> {
    for (const known of this.lacking()) {
      const fallbacks = this.fallbacksOf(known);
      for (const [index, fallback] of fallbacks.entries()) {
        const isLast = index === fallbacks.length - 1;
        await this.ask(fallback, !isLast || (known.isSuspended && this.hasCopy()));
        if (this.has(fallback)) break;
      }
    }
  }

  /** Where nobody stands in, whoever had less than the time it may take gets all of it. */
  private async insist(): Promise<void> {
    const forsaken = this.lacking().filter(
      (known) => this.standInOf(known) === undefined && !(known.isSuspended && this.hasCopy()),
    );
    const all = new Set(forsaken.flatMap((known) => [known, ...this.fallbacksOf(known)]));
    const again = [...all].filter((known) => !known.isSuspended && this.attemptAt(known)?.isWhole !== true);
    for (const { destination } of again) this.attempts.delete(destination.name);
    await Promise.all(again.map((known) => this.ask(known, false)));
  }

  private async ask({ destination, failing }: Known, canWait: boolean): Promise<void> {
    if (this.attempts.has(destination.name)) return;
    const limitMs = nextTry(failing, destination.timeLimitMs, canWait, this.situation.nowMs);
    if (limitMs === 'later') return;
    this.attempts.set(destination.name, await this.tryOne(destination, limitMs));
  }
}
