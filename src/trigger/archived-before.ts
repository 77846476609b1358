// How far a primary has archived its own timeline: its archive may get back what lies before that, and never what the server
// is yet to archive itself, perhaps with other bytes (a server that was set back to a copy of its disk).
import { join } from 'node:path';
import { readDatabaseState } from '../postgres/database-state.ts';
import { readSegmentSize } from '../postgres/control-file.ts';
import { readDirectory, unlessMissing } from '../program/system-calls.ts';
import { parseWalFileName } from '../wal/filename.ts';
import { segmentNumber, segmentOfLsn, segmentStart } from '../wal/segment.ts';

/** The numbers of the timeline's segments that have such a mark, as pgarch.c and xlogarchive.c set it. */
function marked(names: readonly string[], mark: string, timeline: number, size: number): bigint[] {
  return names.flatMap((name) => {
    const file = name.endsWith(mark) ? parseWalFileName(name.slice(0, -mark.length)) : undefined;
    if (file?.kind !== 'segment' || file.timeline !== timeline) return [];
    return segmentNumber(file, size) ?? [];
  });
}

/**
 * The LSN before which the server has archived all that it wrote to the timeline. Marks go with their segments at a
 * checkpoint; what lies before the last one's redo location is archived, or it would still be there.
 */
export async function archivedBefore(dataDirectory: string, timeline: number): Promise<bigint> {
  const size = readSegmentSize(dataDirectory);
  const status = join(dataDirectory, 'pg_wal', 'archive_status');
  const names = ((await unlessMissing(readDirectory(status))) ?? []).map(({ name }) => name);
  const waiting = marked(names, '.ready', timeline, size);
  const done = marked(names, '.done', timeline, size).map((number) => number + 1n);
  const checkpoint = readDatabaseState(dataDirectory);
  const reached = checkpoint.timeline === timeline ? segmentOfLsn(checkpoint.redo, size) : 0n;
  const next = waiting.length > 0 ? least(waiting) : greatest([...done, reached]);
  return segmentStart(next, size);
}

const least = (numbers: readonly bigint[]): bigint => numbers.reduce((a, b) => (b < a ? b : a));
const greatest = (numbers: readonly bigint[]): bigint => numbers.reduce((a, b) => (b > a ? b : a));
