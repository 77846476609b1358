// What keeps a file from being known, under standby.signal: the server asks every few seconds, for a segment and for a
// history file, and would fill its log with one and the same fault. It is said once, again when it comes back after a
// while, and again every hour: <home>/state/unreadable. Loaded only when there is such a fault.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ThisNode } from '../postgres/this-node.ts';
import type { Voice } from '../program/command.ts';
import { fileMode } from '../program/file-owner.ts';
import { describeError } from '../program/print-error.ts';
import { errnoOf, ProgramError } from '../program/program-error.ts';

/** Not seen for so long it is over, in ms; and so often what stays wrong is said again. */
const overAfterMs = 120_000;
const againAfterMs = 3_600_000;

/** What is wrong with the call itself, which a person may have made: said each time. */
const ofTheCall: readonly string[] = ['invalid-name', 'usage'];

/** When each fault was said, and when it was met last, in ms since 1970. */
type Marks = Record<string, { said: number; seen: number }>;

function readMarks(path: string): Marks {
  try {
    const marks: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof marks === 'object' && marks !== null ? (marks as Marks) : {};
  } catch (error) {
    if (error instanceof SyntaxError || errnoOf(error) !== undefined) return {};
    throw error;
  }
}

/** A mark that cannot be kept means saying it again. */
function writeMarks(path: string, marks: Marks): void {
  try {
    writeFileSync(path, JSON.stringify(marks), { mode: fileMode });
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}

/** The same fault of a source is met with every file; that of a file is its own. */
function sameness({ kind, message, detail = '' }: ProgramError, fileName: string): string {
  const words = `${message} ${detail}`;
  return kind === 'invalid-file' ? words : words.replaceAll(fileName, '');
}

/** Says it unless it was said; what is no fault of our kind is thrown, as ever. */
export async function sayUnknown(
  error: unknown,
  { fileName, exitCode }: { fileName: string; exitCode: number },
  { identity }: ThisNode,
  voice: Voice,
): Promise<void> {
  if (!(error instanceof ProgramError)) throw error;
  if (ofTheCall.includes(error.kind)) return voice.report('ERROR', describeError(error).report, { exitCode });
  const path = join(identity.stateDirectory, 'unreadable');
  const now = Date.now();
  // A clock that was set back must not silence anything.
  const isWithin = (at: number, ms: number): boolean => at <= now && now - at < ms;
  const marks = Object.entries(readMarks(path)).filter(([, { seen }]) => isWithin(seen, overAfterMs));
  const text = sameness(error, fileName);
  const last = marks.find(([each]) => each === text)?.[1];
  const isNews = last === undefined || !isWithin(last.said, againAfterMs);
  if (isNews) await voice.report('ERROR', describeError(error).report, { exitCode });
  const mark = { said: isNews ? now : last.said, seen: now };
  writeMarks(path, { ...Object.fromEntries(marks), [text]: mark });
}
