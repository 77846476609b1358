// How far an archive has been pruned: <home>/state/pruned/<archive>, for each timeline the segment number before which
// nothing is left. It saves a listing, and decides nothing: what it says too much stays, and what it says too little is
// asked for again. So one that is damaged, or of another archive, counts as none.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDirectory, replaceSmallFile } from '../../program/small-file.ts';
import { removeAbandoned } from '../../program/temporary-name.ts';
import type { RemovalRoad } from '../../transport/open-for-removal.ts';
import type { Identity } from '../../transport/transport.ts';

/** By timeline. */
export type Cursor = Map<number, bigint>;

interface Stored {
  archive: string;
  segmentSize: number;
  before: Record<string, string>;
}

const directoryIn = ({ stateDirectory }: Identity): string => join(stateDirectory, 'pruned');

const isStored = (value: unknown): value is Stored => {
  const { archive, segmentSize, before } = (value ?? {}) as Partial<Record<keyof Stored, unknown>>;
  if (typeof archive !== 'string' || typeof segmentSize !== 'number') return false;
  if (typeof before !== 'object' || before === null) return false;
  return Object.entries(before).every(
    ([timeline, number]) =>
      /^[1-9]\d{0,9}$/.test(timeline) && typeof number === 'string' && /^\d{1,20}$/.test(number),
  );
};

/** The cursor of an archive; empty when there is none that can be used. */
export function readCursor(road: RemovalRoad, segmentSize: number, by: Identity): Cursor {
  try {
    const stored: unknown = JSON.parse(readFileSync(join(directoryIn(by), road.noteName), 'utf8'));
    if (!isStored(stored) || stored.archive !== road.archive || stored.segmentSize !== segmentSize)
      return new Map();
    return new Map(
      Object.entries(stored.before).map(([timeline, number]) => [Number(timeline), BigInt(number)]),
    );
  } catch {
    return new Map();
  }
}

/** Keeps the cursor; only after the removals that it speaks of. */
export function writeCursor(road: RemovalRoad, segmentSize: number, cursor: Cursor, by: Identity): void {
  const before = Object.fromEntries([...cursor].map(([timeline, number]) => [timeline, number.toString()]));
  const stored: Stored = { archive: road.archive, segmentSize, before };
  const directory = directoryIn(by);
  ensureDirectory(directory);
  removeAbandoned(directory, by.nodeId);
  replaceSmallFile(join(directory, road.noteName), `${JSON.stringify(stored)}\n`, by.nodeId);
}
