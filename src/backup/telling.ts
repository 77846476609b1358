// What a copy says while it works: a line per step for people, a bar on a terminal or a line now and then without one, or with
// --json an object per event.
import type { ProgramCall, Voice } from '../program/command.ts';
import { PassingLine } from '../program/passing-line.ts';
import { printable, type Report } from '../program/print-error.ts';
import { Pace } from './pace.ts';

/** How often the bar moves, an event comes, a line is printed, in ms. */
const barEveryMs = 200;
const eventEveryMs = 1000;
const lineEveryMs = 5000;

export class Telling {
  readonly voice: Voice;
  readonly asJson: boolean;
  readonly pace = new Pace();
  private readonly line = new PassingLine();
  private timer: NodeJS.Timeout | undefined;

  constructor({ voice, options }: ProgramCall) {
    this.voice = voice;
    this.asJson = options['json'] === true;
  }

  /** Something was done, or will be; `fields` are for --json. */
  step(event: string, text: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.line.clear();
    if (this.asJson) this.event({ event, message: text, ...fields });
    else this.voice.answer(`${printable(text)}\n`);
  }

  async warn(report: Report): Promise<void> {
    this.line.clear();
    await this.voice.report('WARNING', report);
  }

  /** Not for people, who have read each step. */
  end(outcome: Readonly<Record<string, unknown>>): void {
    if (this.asJson) this.event({ event: 'end', ...outcome });
  }

  /** From now on the pace is shown, until stopPacing(). */
  startPacing(): void {
    this.pace.start();
    const everyMs = this.asJson ? eventEveryMs : this.line.hasTerminal ? barEveryMs : lineEveryMs;
    this.timer = setInterval(() => this.showPace(), everyMs);
    this.timer.unref();
  }

  stopPacing(): void {
    clearInterval(this.timer);
    this.line.clear();
  }

  private showPace(): void {
    if (this.asJson) return this.event({ event: 'progress', ...this.pace.figures() });
    if (this.line.hasTerminal) this.line.show(`${this.pace.bar()} ${this.pace.words()}`);
    else this.voice.answer(`${this.pace.words()}\n`);
  }

  private event(fields: Readonly<Record<string, unknown>>): void {
    this.voice.answer(`${JSON.stringify(fields)}\n`);
  }
}
