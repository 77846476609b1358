// What distrib2warm says: a line per step and node for people, with the pace on a terminal, or one JSON object at the end.
import type { ProgramCall, Voice } from '../../program/command.ts';
import { PassingLine } from '../../program/passing-line.ts';
import { printable } from '../../program/print-error.ts';
import { megabytes } from '../../program/megabytes.ts';

/** How often the pace is shown, in ms. */
const paceEveryMs = 250;

export class Telling {
  readonly voice: Voice;
  readonly asJson: boolean;
  private readonly passing = new PassingLine();
  private shownAtMs = 0;

  constructor({ voice, options }: ProgramCall) {
    this.voice = voice;
    this.asJson = options['json'] === true;
  }

  /** A step of a node, for people. */
  step(name: string, text: string): void {
    this.passing.clear();
    if (!this.asJson) this.voice.answer(`${printable(`${name}: ${text}`)}\n`);
  }

  /** A line as it is. */
  line(text: string): void {
    if (!this.asJson) this.voice.answer(`${text}\n`);
  }

  /** How far a copy is, on a terminal. */
  pace(name: string, doneBytes: number, allBytes: number, ms: number): void {
    const now = performance.now();
    if (!this.passing.hasTerminal || this.asJson || now - this.shownAtMs < paceEveryMs) return;
    this.shownAtMs = now;
    const rate = (doneBytes / 1e3 / Math.max(ms, 1)).toFixed(1);
    this.passing.show(`${name}: ${megabytes(doneBytes)} of ${megabytes(allBytes)}, ${rate} MB/s`);
  }
}
