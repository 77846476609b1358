// The one printer of faults. Its output is read inside PostgreSQL's server log, so it has PostgreSQL's shape:
// a primary line, then DETAIL and HINT where they help. Errors are data until they get here.
import { writeSync } from 'node:fs';
import { errorKinds, type ErrorKindName } from './error-kinds.ts';
import { errnoOf, ProgramError } from './program-error.ts';

/** How long a reader of our output may keep a full pipe, in ms, before its text is given up. */
const pipePatienceMs = 1000;

/** Writes all of a text to stdout (1) or stderr (2), at once. A reader that is gone or stuck must not fail the work. */
export function writeOut(descriptor: 1 | 2, text: string): void {
  let bytes = Buffer.from(text);
  const until = Date.now() + pipePatienceMs;
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(descriptor, bytes));
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN' || Date.now() > until) return;
      // A pipe that somebody has made non-blocking, and that is full.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

export type Level = 'ERROR' | 'WARNING' | 'LOG';

export interface Report {
  message: string;
  detail?: string | undefined;
  hint?: string | undefined;
}

// A file name can hold anything, also a line feed that would forge a line of the server's log.
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

/** One line of text without control characters; they are shown as \xNN. */
export function printable(text: string): string {
  return text.replace(unprintable, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** "archiveWALFile: ERROR:  could not …" with DETAIL and HINT lines; ends in a line feed. */
export function formatReport(program: string, level: Level, report: Report): string {
  const lines = [`${program}: ${level}:  ${printable(report.message)}`];
  if (report.detail !== undefined) lines.push(`DETAIL:  ${printable(report.detail)}`);
  if (report.hint !== undefined) lines.push(`HINT:  ${printable(report.hint)}`);
  return `${lines.join('\n')}\n`;
}

/** What a thrown value is reported as, its kind and the exit code of that; anything unforeseen is a bug with its stack. */
export function describeError(error: unknown): { report: Report; exitCode: number; kind: ErrorKindName } {
  if (error instanceof ProgramError) {
    return { report: error, exitCode: errorKinds[error.kind].exitCode, kind: error.kind };
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    report: {
      message: `internal error: ${error instanceof Error ? error.message : String(error)}`,
      detail: stack.split('\n').slice(0, 12).join(' | '),
      hint: 'This is a bug in twowarm. Please report it with this message.',
    },
    exitCode: errorKinds.bug.exitCode,
    kind: 'bug',
  };
}

/** A fault as the one JSON object that a call with --json prints instead of its answer, after the fields of `first`; ends in a line feed. */
export function formatFaultAsJson(error: unknown, exitCode: number, first: object = {}): string {
  const { report, kind } = describeError(error);
  const { message, detail = null, hint = null } = report;
  return `${JSON.stringify({ ...first, outcome: 'failed', kind, message, detail, hint, exitCode })}\n`;
}
