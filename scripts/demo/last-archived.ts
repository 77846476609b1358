// Where an archive ends, by what lies in it: every file there with the name of a segment is whole.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { parseWalFileName } from '../../src/wal/filename.ts';
import { nextSegmentName, segmentNumber, segmentStart } from '../../src/wal/segment.ts';

export interface ArchivedSegment {
  name: string;
  /** The LSN of the first byte after it. */
  end: bigint;
  /** The name of the segment that would come next. */
  next: string;
  /** How many WAL files the archive holds. */
  files: number;
}

/** The last segment of an archive. Throws when it has none. */
export function lastArchived(archive: string): ArchivedSegment {
  const files = readdirSync(archive)
    .map(parseWalFileName)
    .filter((file) => file !== undefined);
  const [last] = files
    .filter((file) => file.kind !== 'history')
    .filter(({ kind }) => kind === 'segment')
    .sort((a, b) => (a.name < b.name ? 1 : -1));
  if (last === undefined) throw new Error(`${archive} holds no segment`);
  const size = statSync(join(archive, last.name)).size;
  const number = segmentNumber(last, size);
  const next = nextSegmentName(last.name, size);
  if (number === undefined || next === undefined) throw new Error(`${last.name} cannot have ${size} bytes`);
  return { name: last.name, end: segmentStart(number + 1n, size), next, files: files.length };
}
