// What pg_standby says, as much of it as -v allows, and complaints about what it waits through at most once a minute. The
// words are told in order while the work goes on; done() is when they are out.
import type { Voice } from '../../program/command.ts';
import type { Level, Report } from '../../program/print-error.ts';

const complaintsEveryMs = 60_000;

/** What calls know of each other: <home>/state keeps what was said, and of which change. */
export interface Change {
  stateDirectory: string;
  change: string;
}

export class Speaker {
  private readonly voice: Voice;
  private readonly verbosity: number;
  private told: Promise<void> = Promise.resolve();
  private complainedAt: number | undefined;

  constructor(voice: Voice, verbosity: number) {
    this.voice = voice;
    this.verbosity = verbosity;
  }

  /** What an operator has to know: a warning, a failover. */
  say(level: Level, report: Report): void {
    this.sayFrom(1, level, report);
  }

  /** The same, unless an earlier call has said it of the same change. */
  sayOnce(level: Level, report: Report, { stateDirectory, change }: Change): void {
    if (this.verbosity < 1) return;
    this.told = this.told.then(async () => {
      const { sayOnce } = await import('../../program/say-once.ts');
      const text = `${change} ${report.message} ${report.hint}`;
      await sayOnce(stateDirectory, 'pg-standby-trigger', text, () => this.voice.report(level, report));
    });
  }

  /** Each file. */
  detail(message: string): void {
    this.sayFrom(3, 'LOG', { message });
  }

  /** Each look. */
  debug(message: string): void {
    this.sayFrom(4, 'LOG', { message });
  }

  /** A warning about a state that lasts. */
  complain(report: Report): void {
    const now = performance.now();
    if (this.complainedAt !== undefined && now - this.complainedAt < complaintsEveryMs) return;
    this.complainedAt = now;
    this.say('WARNING', report);
  }

  done(): Promise<void> {
    return this.told;
  }

  private sayFrom(verbosity: number, level: Level, report: Report): void {
    if (this.verbosity < verbosity) return;
    this.told = this.told.then(() => this.voice.report(level, report));
  }
}
