// A line at a terminal that is written over again and again, such as a pace, until something stays there. Without a terminal
// nothing is shown.
import { writeOut } from './print-error.ts';

const clearRest = '\u001b[K';

export class PassingLine {
  /** Whether there is a terminal to show it at. */
  readonly hasTerminal: boolean = process.stderr.isTTY;
  private isShown = false;

  show(text: string): void {
    if (!this.hasTerminal) return;
    this.isShown = true;
    writeOut(2, `\r${text}${clearRest}`);
  }

  /** Before anything else is written. */
  clear(): void {
    if (this.isShown) writeOut(2, `\r${clearRest}`);
    this.isShown = false;
  }
}
