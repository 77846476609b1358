// The content of a timeline history file: which timelines a timeline descends from, and where each was left. Names
// of history files are filename.ts; which timeline to follow, and who may take a new one, is decided elsewhere.

import { parseWalFileName } from './filename.ts';
import { parseLsn } from './lsn.ts';
import { segmentNumber, segmentStart } from './segment.ts';

/**
 * One ancestor: it was left at `switchLsn`, so its WAL counts only before that byte. `reason` is PostgreSQL's, for
 * people. In a file written by 9.2 or older, which names the last segment instead of an LSN, `switchLsn` is the end
 * of that segment: the fork is before it or there.
 */
export interface HistoryEntry {
  timeline: number;
  switchLsn: bigint;
  reason: string;
}

/**
 * The ancestors of `timeline`, oldest first, or a short phrase for the DETAIL of an error that says what is wrong.
 * Reads what readTimeLineHistory (src/backend/access/transam/timeline.c) reads, and refuses what it refuses, but
 * also a file that was cut short, zeroed or emptied: it would have the server believe in a timeline without parents.
 * `segmentSize` in bytes is only needed for files of 9.2 and older.
 */
export function parseHistory(
  text: string,
  timeline: number,
  segmentSize = 16 * 1024 * 1024,
): { entries: HistoryEntry[] } | { problem: string } {
  if (text === '') return { problem: 'it is empty' };
  if (text.includes('\0')) return { problem: 'it contains zero bytes' };
  if (!text.endsWith('\n')) return { problem: 'its last line is incomplete' };
  const entries: HistoryEntry[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (blankOrComment.test(line)) continue;
    const entry = parseLine(line, segmentSize);
    if ('problem' in entry) return { problem: `line ${index + 1}: ${entry.problem}` };
    const misplacement = misplaced(entry, entries.at(-1), timeline);
    if (misplacement !== undefined) return { problem: `line ${index + 1}: ${misplacement}` };
    entries.push(entry);
  }
  return entries.length === 0 ? { problem: 'names no timeline' } : { entries };
}

/** The LSN at which that ancestor was left, or undefined when it is none of the ancestors. */
export function switchPoint(entries: readonly HistoryEntry[], timeline: number): bigint | undefined {
  return entries.find((entry) => entry.timeline === timeline)?.switchLsn;
}

// White space within a line as C's isspace() has it, not JavaScript's \s, which knows more.
const blankOrComment = /^[ \t\r\v\f]*(?:#|$)/;
const fields = /^[ \t\r\v\f]*(\d{1,10})(?:[ \t\r\v\f]+([^ \t\r\v\f]*)(.*))?$/s;

/** The entry on a line, or what is wrong with the line by itself. */
function parseLine(line: string, segmentSize: number): HistoryEntry | { problem: string } {
  const [, id, place = '', reason = ''] = fields.exec(line) ?? [];
  const timeline = Number(id);
  // NaN, for no number at all, fails both comparisons.
  if (!(timeline >= 1 && timeline <= 0xffff_ffff)) return { problem: 'expected a timeline ID' };
  const switchLsn = parseLsn(place) ?? endOfSegment(place, segmentSize);
  if (switchLsn === undefined) return { problem: 'expected the LSN of a switch point' };
  return { timeline, switchLsn, reason: reason.trim() };
}

/** What is wrong with this entry after that one in the history of `timeline`. */
function misplaced(
  entry: HistoryEntry,
  before: HistoryEntry | undefined,
  timeline: number,
): string | undefined {
  if (before !== undefined && entry.timeline <= before.timeline) {
    return `timeline ${entry.timeline} comes after timeline ${before.timeline}`;
  }
  if (entry.timeline >= timeline) {
    return `timeline ${entry.timeline} cannot be an ancestor of timeline ${timeline}`;
  }
  return undefined;
}

/** The LSN at which the named segment ends. The server only began to write LSNs in 9.3. */
function endOfSegment(name: string, segmentSize: number): bigint | undefined {
  const file = parseWalFileName(name);
  if (file?.kind !== 'segment') return undefined;
  const number = segmentNumber(file, segmentSize);
  return number === undefined ? undefined : segmentStart(number + 1n, segmentSize);
}
