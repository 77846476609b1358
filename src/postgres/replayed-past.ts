// Whether the server has replayed past an LSN, told by the WAL in its pg_wal: it keeps what it restored, and looks for a
// new timeline only when it has replayed all of that. Precise to the record, as PostgreSQL is: a timeline that forked off
// where the replay stands is followed, one that did a record before is not (rescanLatestTimeLine in xlogrecovery.c).
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { readSegmentSize } from './control-file.ts';
import { errnoOf } from '../program/program-error.ts';
import { parseWalFileName, segmentName } from '../wal/filename.ts';
import type { Line } from '../wal/line.ts';
import { parseLongPageHeader } from '../wal/page-header.ts';
import { isRecordAt, type ReadPage } from '../wal/record.ts';
import { segmentNumber, segmentOfLsn, segmentStart } from '../wal/segment.ts';

/** So many bytes of a file in pg_wal; undefined where they are not there. */
function readAt(path: string, offset: number, bytes: number): Uint8Array | undefined {
  try {
    const descriptor = openSync(path, 'r');
    try {
      const buffer = new Uint8Array(bytes);
      return readSync(descriptor, buffer, 0, bytes, offset) === bytes ? buffer : undefined;
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The header of a segment that is in pg_wal; none for one that was only renamed for later use and is old inside. */
function headerOf(path: string, start: bigint) {
  const bytes = readAt(path, 0, 40);
  const header = bytes === undefined ? { problem: 'is missing' } : parseLongPageHeader(bytes);
  return 'pageAddress' in header && header.pageAddress === start ? header : undefined;
}

/** Whether the server, which follows that line, has replayed a record that begins at the LSN or later. */
export function hasReplayedPast(lsn: bigint, line: Line, dataDirectory: string): boolean {
  const directory = join(dataDirectory, 'pg_wal');
  const segmentSize = readSegmentSize(dataDirectory);
  const timelines = [line.timeline, ...line.ancestors.map(({ timeline }) => timeline).reverse()];
  const find = (number: bigint): { path: string; blockSize: number; littleEndian: boolean } | undefined => {
    for (const timeline of timelines) {
      const path = join(directory, segmentName(timeline, number, segmentSize));
      const header = headerOf(path, segmentStart(number, segmentSize));
      if (header !== undefined) return { path, ...header };
    }
    return undefined;
  };
  const first = find(segmentOfLsn(lsn, segmentSize));
  // A restart point has removed it, if what came after it is here: it keeps all from the redo location on.
  if (first === undefined) return hasLater(segmentOfLsn(lsn, segmentSize), timelines);
  const { blockSize, littleEndian } = first;
  const page: ReadPage = (start) => {
    const number = segmentOfLsn(start, segmentSize);
    const segment = find(number);
    if (segment === undefined) return undefined;
    const bytes = readAt(segment.path, Number(start - segmentStart(number, segmentSize)), blockSize);
    if (bytes === undefined) return undefined;
    const address = new DataView(bytes.buffer).getBigUint64(8, littleEndian);
    return address === start ? bytes : undefined;
  };
  return isRecordAt(lsn, { blockSize, segmentSize }, page, littleEndian);

  function hasLater(than: bigint, of: readonly number[]): boolean {
    return readdirSync(directory).some((name) => {
      const file = parseWalFileName(name);
      if (file?.kind !== 'segment' || !of.includes(file.timeline)) return false;
      const number = segmentNumber(file, segmentSize) ?? -1n;
      return number > than && find(number) !== undefined;
    });
  }
}
