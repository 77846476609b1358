// What a relay that stays says: as text to stderr what a person should know, each thing once until it changes; with
// --json every event as one object a line on stdout.
import type { Voice } from '../program/command.ts';
import { describeError, type Level, type Report } from '../program/print-error.ts';

/** How often it is said again that something is still wrong, in ms. */
const againAfterMs = 3_600_000;

export type Event =
  | 'relaying'
  | 'quiet'
  | 'unknown'
  | 'carried'
  | 'paid'
  | 'settled'
  | 'refused'
  | 'failed'
  | 'back'
  | 'forgotten'
  | 'suspended'
  | 'warning'
  | 'configured';

export class Telling {
  private readonly voice: Voice;
  private readonly asJson: boolean;
  private readonly said = new Map<string, { text: string; at: number }>();

  constructor(voice: Voice, asJson: boolean) {
    this.voice = voice;
    this.asJson = asJson;
  }

  /** A thing that happened: only the log file and --json hear of it. */
  event(event: Event, message: string, fields: Record<string, string>): void {
    this.line(event, { message, ...fields });
    void this.voice.event(message, fields);
  }

  /** Something to be known. `topic` keeps it from being said twice; `news` is what has to differ, else the message. */
  say(
    event: Event,
    level: Level,
    report: Report,
    { topic, news, ...fields }: Record<string, string> & { topic?: string; news?: string } = {},
  ): void {
    if (topic !== undefined && !this.isNews(topic, news ?? report.message)) return;
    const { message, detail, hint } = report;
    this.line(event, { level, message, detail, hint, ...fields });
    void this.voice.report(level, { message, detail, hint }, fields);
  }

  /** A fault, in its own words. */
  fault(event: Event, level: Level, error: unknown, fields: Record<string, string>, detail?: string): void {
    const { report } = describeError(error);
    const both = [report.detail, detail].filter((part) => part !== undefined).join(' ');
    const { message, hint } = report;
    this.say(event, level, { message, detail: both === '' ? undefined : both, hint }, fields);
  }

  /** It is over: should it come back, it is said again. True when it had been said. */
  over(topic: string): boolean {
    return this.said.delete(topic);
  }

  private isNews(topic: string, text: string): boolean {
    const last = this.said.get(topic);
    const now = performance.now();
    if (last?.text === text && now - last.at < againAfterMs) return false;
    this.said.set(topic, { text, at: now });
    return true;
  }

  private line(event: Event, fields: Record<string, string | undefined>): void {
    if (this.asJson)
      this.voice.answer(`${JSON.stringify({ at: new Date().toISOString(), event, ...fields })}\n`);
  }
}
