// What was pruned from an archive: .twowarm/pruned/<timeline>.<random>, ranges of segments, written before the files go,
// so that what is absent can be told from what was lost. Whoever adds a range writes a new file with all that is known,
// and then removes those it has read: several may do so at once, and nothing that was on record is ever off it.
import { join } from 'node:path';
import { fromSystemError, ProgramError } from '../program/program-error.ts';
import { readText, unlessMissing, unlinkIfThere } from '../program/system-calls.ts';
import { historyName, parseWalFileName } from '../wal/filename.ts';
import { addRange, covering, type PrunedRange } from './pruned-ranges.ts';
import { recordNames, replaceRecord } from './record-file.ts';

const directoryIn = (archive: string): string => join(archive, '.twowarm', 'pruned');
const prefixOf = (timeline: number): string => `${historyName(timeline).slice(0, 8)}.`;

interface Stored {
  version: 1;
  segmentSize: number;
  ranges: PrunedRange[];
}

const isSegment = (name: unknown): boolean =>
  typeof name === 'string' && parseWalFileName(name)?.kind === 'segment';

function parseStored(path: string, text: string): Stored {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Refused below.
  }
  const { version, segmentSize, ranges } = (value ?? {}) as Partial<Record<keyof Stored, unknown>>;
  const isWhole =
    Array.isArray(ranges) &&
    (ranges as Partial<PrunedRange>[]).every((range) => isSegment(range?.first) && isSegment(range?.last));
  if (version === 1 && typeof segmentSize === 'number' && isWhole) return value as Stored;
  throw new ProgramError(
    'unsafe-state',
    `the record ${path} of what was pruned is damaged or of a newer version`,
    {
      detail: 'What was pruned cannot be told from what was lost.',
      hint: 'Move it away: the next pruning then begins a new record.',
    },
  );
}

/** All records of some names; undefined when one was replaced since its name was read. */
async function readAll(directory: string, names: readonly string[]): Promise<Stored[] | undefined> {
  const all: Stored[] = [];
  for (const name of names) {
    const path = join(directory, name);
    const text = await unlessMissing(readText(path, 'utf8')).catch((error: unknown) => {
      throw fromSystemError(error, `could not read ${path}`);
    });
    if (text === undefined) return undefined;
    all.push(parseStored(path, text));
  }
  return all;
}

interface Known {
  names: string[];
  ranges: PrunedRange[];
}

/** What is on record, of one timeline or of all. */
async function readKnown(archive: string, nodeId: string, prefix: string): Promise<Known> {
  const directory = directoryIn(archive);
  for (;;) {
    const found = await recordNames(directory, nodeId).catch((error: unknown) => {
      throw fromSystemError(error, `could not read ${directory}`);
    });
    const names = found.filter((name) => name.startsWith(prefix));
    const stored = await readAll(directory, names);
    // Replaced meanwhile: what it said is in a newer one.
    if (stored === undefined) continue;
    const ranges = stored.reduce<PrunedRange[]>(
      (known, each) => each.ranges.reduce((sum, range) => addRange(sum, range, each.segmentSize), known),
      [],
    );
    return { names, ranges };
  }
}

/** Puts a range of one timeline on record; durable on return. Nothing is written where all of it is on record. */
export async function recordPruned(
  archive: string,
  range: PrunedRange,
  segmentSize: number,
  nodeId: string,
): Promise<void> {
  const prefix = range.first.slice(0, 8);
  const known = await readKnown(archive, nodeId, `${prefix}.`);
  const ranges = addRange(known.ranges, range, segmentSize);
  if (ranges === known.ranges) return;
  const stored: Stored = { version: 1, segmentSize, ranges };
  const name = `${prefix}.${Date.now().toString(16)}${Math.random().toString(16).slice(2, 12)}`;
  await replaceRecord(join(directoryIn(archive), name), `${JSON.stringify(stored)}\n`, nodeId);
  for (const old of known.names) await unlinkIfThere(join(directoryIn(archive), old));
}

/**
 * Everything that was ever pruned from an archive, by timeline and position. For whoever verifies it: a segment that is
 * absent and in none of these ranges was lost, or never came. Throws `unsafe-state` where a record is damaged.
 */
export async function readPruned(archive: string, nodeId: string): Promise<PrunedRange[]> {
  return (await readKnown(archive, nodeId, '')).ranges;
}

/** The range that a segment was pruned with; undefined for one that was not, and for every other name. */
export async function prunedRangeOf(
  archive: string,
  name: string,
  nodeId: string,
): Promise<PrunedRange | undefined> {
  const file = parseWalFileName(name);
  if (file?.kind !== 'segment') return undefined;
  return covering((await readKnown(archive, nodeId, prefixOf(file.timeline))).ranges, name);
}
