// What an earlier claim had put aside, and what lies on the line of whoever claims now, gets its name back: else the owner
// believes it archived, and the archive has a hole that nobody looks for. Never over another file; what is not beyond doubt
// stays for a person (conflicts.ts).
import type { WalFileName } from '../wal/filename.ts';
import { parseWalFileName } from '../wal/filename.ts';
import { belongsTo, type Line } from '../wal/line.ts';
import { segmentNumber, segmentStart } from '../wal/segment.ts';
import { ProgramError } from '../program/program-error.ts';
import { headerOfKept } from './compare-conflict.ts';
import { acceptConflict, listConflicts, type Conflict } from './conflicts.ts';
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
async function candidates(directory: string, line: Line): Promise<Map<string, Candidate[]>> {
  const timelines = new Set([line.timeline, ...line.ancestors.map(({ timeline }) => timeline)]);
  const found = new Map<string, Candidate[]>();
  const there = new Set((await filesOf(directory)).map(walNameOf));
  for (const conflict of await listConflicts(directory)) {
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

/** `unsure`: it is of the line, but the owner may yet archive another content under that name, or its place is not known. */
function judge(
  { name }: Candidate,
  line: Line,
  size: number | undefined,
  archivedBefore: bigint | undefined,
): 'of the line' | 'unsure' | 'not of it' {
  if (name.kind === 'history') return 'of the line';
  const number = size === undefined ? undefined : segmentNumber(name, size);
  if (size === undefined || number === undefined) return 'unsure';
  if (['past', 'elsewhere'].includes(String(belongsTo(line, name.timeline, number, size))))
    return 'not of it';
  if (name.timeline !== line.timeline) return 'of the line';
  const isArchived = archivedBefore !== undefined && segmentStart(number + 1n, size) <= archivedBefore;
  return isArchived ? 'of the line' : 'unsure';
}

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
  const all = await candidates(directory, line);
  const size = await sizeFrom(all.values(), signal);
  for (const [name, kept] of all) {
    signal.throwIfAborted();
    const verdict = judge(kept[0]!, line, size, archivedBefore);
    if (verdict === 'not of it') continue;
    // Two contents of one name: which one is right, nobody here knows.
    const isSure = verdict === 'of the line' && kept.length === 1;
    const accepted = async (): Promise<true> => {
      await acceptConflict(directory, kept[0]!.conflict);
      return true;
    };
    if (isSure && (await unlessRefused(accepted())) === true) result.putBack.push(name);
    else result.notPutBack.push(...kept.map(({ conflict }) => conflict.id));
  }
  return result;
}
