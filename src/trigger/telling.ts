// What triggerStandby says: few lines for people as things happen, or one JSON object at the end.
import type { Voice } from '../program/command.ts';
import type { Report } from '../program/print-error.ts';
import { formatLsn } from '../wal/lsn.ts';
import type { Fork } from './fork.ts';
import type { Claimed } from './take-over.ts';

export interface Answer extends Partial<Fork> {
  outcome: 'promoted' | 'primary already' | 'would promote';
  /** Whether a commit has gone through; absent where none was tried. */
  accepts?: boolean | 'untried';
  /** From the trigger to the first write. */
  seconds?: number;
  /** What became of the first file of the new timeline; 'fails' of a server that is a primary already. */
  archiving?: 'goes on' | 'not yet' | 'by another command' | 'off' | 'fails';
  /** The URL of the arbiter that has reserved the timeline; undefined where none has. */
  arbiter?: string | undefined;
  /** The archives that are this node's now. */
  claims?: Claimed[];
  /** What would be done, as ends of "would …". */
  steps?: string[];
}

export class Telling {
  private readonly voice: Voice;
  private readonly asJson: boolean;
  private readonly warnings: string[] = [];

  constructor(voice: Voice, asJson: boolean) {
    this.voice = voice;
    this.asJson = asJson;
  }

  async warn(report: Report): Promise<void> {
    this.warnings.push(report.message);
    await this.voice.report('WARNING', report);
  }

  /** What is worth knowing while one waits. */
  async note(report: Report): Promise<void> {
    await this.voice.report('LOG', report);
  }

  /** At once: the application may be switched over from here on. */
  async promoted({ timeline, lsn }: Fork, seconds: number, accepts: true | 'untried'): Promise<void> {
    const open = accepts === true ? 'accepts writes' : 'is open';
    const text = `promoted to timeline ${timeline}${at(lsn)} after ${seconds.toFixed(1)} s; ${open}`;
    if (!this.asJson) this.voice.answer(`${text}\n`);
    await this.voice.event(text, { timeline, lsn: lsn === undefined ? '' : formatLsn(lsn), seconds });
  }

  /** A line of the rest, for people. */
  line(text: string): void {
    if (!this.asJson) this.voice.answer(`${text}\n`);
  }

  answer(answer: Answer): void {
    if (this.asJson) return this.voice.answer(`${JSON.stringify(this.toJson(answer))}\n`);
    if (answer.outcome === 'would promote') for (const step of answer.steps ?? []) this.line(`would ${step}`);
    if (answer.outcome !== 'primary already') return;
    const rest = answer.archiving === 'fails' ? ', but archiving does not work' : '; nothing to do';
    this.line(`the server is a primary already, on timeline ${answer.timeline ?? 'unknown'}${rest}`);
  }

  private toJson({
    outcome,
    accepts,
    timeline,
    parentTimeline,
    lsn,
    seconds,
    archiving,
    arbiter,
    claims,
    steps,
  }: Answer): object {
    return {
      outcome,
      acceptsWrites: accepts === undefined || accepts === 'untried' ? null : accepts,
      timeline: timeline ?? null,
      parentTimeline: parentTimeline ?? null,
      lsn: lsn === undefined ? null : formatLsn(lsn),
      seconds: seconds ?? null,
      archiving: archiving ?? null,
      reservedAt: arbiter ?? null,
      claims: claims ?? [],
      ...(steps === undefined ? {} : { steps }),
      warnings: this.warnings,
    };
  }
}

const at = (lsn: bigint | undefined): string => (lsn === undefined ? '' : ` at ${formatLsn(lsn)}`);
