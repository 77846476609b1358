// What an earlier claim had put aside, and what lies on the line of whoever claims now, gets its name back: else the owner
// believes it archived, and the archive has a hole that nobody looks for. Never over another file; what is not beyond doubt
// stays for a person (conflicts.ts).
import type { WalFileName } from '../wal/filename.ts';
import { parseWalFileName } from '../wal/filename.ts';
import { timelinesOf, type Line } from '../wal/line.ts';
import { segmentNumber, segmentStart } from '../wal/segment.ts';
import { ProgramError } from '../program/program-error.ts';
import { headerOfKept } from './compare-conflict.ts';
import { acceptConflict, listConflicts, type Conflict } from './conflicts.ts';
import { KeptTimelines } from './kept-timelines.ts';
import { filesOf } from './quarantine.ts';
import { walNameOf } from './stored-form.ts';

export interface PutBack {
  /** WAL names, in order: histories before the segments of their timeline. */
  putBack: string[];
  /** Ids of what lies on the line, is missing in the archive, and stays in quarantine all the same. */
  notPutBack: string[];
}

interface Candidate {
  conflict: Conflict;
  name: WalFileName;
}

/** What is in quarantine, is of a timeline of the line, and has no counterpart; by WAL name. */
async function candidates(
  directory: string,
  conflicts: readonly Conflict[],
  line: Line,
): Promise<Map<string, Candidate[]>> {
  const timelines = new Set([line.timeline, ...line.ancestors.map(({ timeline }) => timeline)]);
  const found = new Map<string, Candidate[]>();
  const there = new Set((await filesOf(directory)).map(walNameOf));
  for (const conflict of conflicts) {
    const name = parseWalFileName(conflict.walName);
    if (!conflict.id.startsWith('quarantine/') || name === undefined || there.has(name.name)) continue;
    if (!timelines.has(name.timeline)) continue;
    found.set(name.name, [...(found.get(name.name) ?? []), { conflict, name }]);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function sizeFrom(all: Iterable<Candidate[]>, signal: AbortSignal): Promise<number | undefined> {
  for (const { conflict, name } of [...all].flat()) {
    if (name.kind !== 'segment') continue;
    const size = (await unlessRefused(headerOfKept(conflict, signal)))?.segmentSize;
    if (size !== undefined) return size;
  }
  return undefined;
}

/** The value, or undefined for a kept file that is not what it should be, or has no free name. */
async function unlessRefused<T>(value: Promise<T>): Promise<T | undefined> {
  try {
    return await value;
  } catch (error) {
    if (error instanceof ProgramError && ['invalid-file', 'conflict-unknown'].includes(error.kind))
      return undefined;
    throw error;
  }
}

type Verdict = 'of the line' | 'unsure' | 'not of it';

/** What the claimant says of its own archiving, and what tells the segments. */
interface Ground {
  line: Line;
  /** Undefined where no segment tells it. */
  size: number | undefined;
  archivedBefore: bigint | undefined;
  timelines: KeptTimelines;
}

/** `unsure`: by its name it is of the line, but the owner may yet archive another content under it, or its place is not known. */
function judgeSegment(
  name: Exclude<WalFileName, { kind: 'history' }>,
  { line, size, archivedBefore }: Ground,
): Verdict {
  const number = size === undefined ? undefined : segmentNumber(name, size);
  if (size === undefined || number === undefined) return 'unsure';
  if (!timelinesOf(line, number, size).includes(name.timeline)) return 'not of it';
  if (name.timeline !== line.timeline) return 'of the line';
  const isArchived = archivedBefore !== undefined && segmentStart(number + 1n, size) <= archivedBefore;
  return isArchived ? 'of the line' : 'unsure';
}

/** A timeline of the same number may be another one; where that is not known, its segments wait for a person. */
async function judge({ conflict, name }: Candidate, ground: Ground): Promise<Verdict> {
  const verdict = name.kind === 'history' ? 'of the line' : judgeSegment(name, ground);
  if (verdict === 'not of it') return verdict;
  const sameness = await ground.timelines.isSame(conflict, name.timeline);
  return { same: verdict, another: 'not of it', unknown: 'unsure' }[sameness] as Verdict;
}

/** Those that are not of another line, and whether all doubt is gone. */
async function remaining(
  kept: readonly Candidate[],
  ground: Ground,
): Promise<{ left: Candidate[]; isSure: boolean }> {
  const verdicts = await Promise.all(kept.map((each) => judge(each, ground)));
  const left = kept.filter((_, at) => verdicts[at] !== 'not of it');
  // Two contents of one name: which one is right, nobody here knows.
  return { left, isSure: left.length === 1 && verdicts[kept.indexOf(left[0]!)] === 'of the line' };
}

/** A history last: it is what tells the segments of its timeline, should this be cut off. */
const historiesLast = (all: Map<string, Candidate[]>): [string, Candidate[]][] => {
  const isHistory = ([, [first]]: [string, Candidate[]]): boolean => first?.name.kind === 'history';
  return [...[...all].filter((each) => !isHistory(each)), ...[...all].filter(isHistory)];
};

/**
 * Puts back what is on the line and missing in the archive, each durably. Of the claimed timeline itself only what its owner
 * has archived for good, that is before `archivedBefore`.
 */
export async function putBackOnLine(
  directory: string,
  line: Line,
  archivedBefore: bigint | undefined,
  signal: AbortSignal,
): Promise<PutBack> {
  const result: PutBack = { putBack: [], notPutBack: [] };
  const conflicts = await listConflicts(directory);
  const all = await candidates(directory, conflicts, line);
  const size = await sizeFrom(all.values(), signal);
  const ground = { line, size, archivedBefore, timelines: new KeptTimelines(conflicts, line, signal) };
  for (const [name, kept] of historiesLast(all)) {
    signal.throwIfAborted();
    const { left, isSure } = await remaining(kept, ground);
    const accepted = async (): Promise<true> => {
      await acceptConflict(directory, left[0]!.conflict);
      return true;
    };
    if (isSure && (await unlessRefused(accepted())) === true) result.putBack.push(name);
    else result.notPutBack.push(...left.map(({ conflict }) => conflict.id));
  }
  result.putBack.sort();
  return result;
}
