// Which segments a restart point makes superfluous. Pure: names and numbers in, ranges of segment numbers out. Nothing
// but segments of the restart point's own line, before it, is ever in a range.
import { noRestartPoint, parseWalFileName, segmentName } from '../../wal/filename.ts';
import type { HistoryEntry } from '../../wal/history.ts';
import { segmentNumber, segmentOfLsn } from '../../wal/segment.ts';

/** The oldest segment that a restart needs. */
export interface RestartPoint {
  timeline: number;
  number: bigint;
}

/** Segments of one timeline, from a number up to but without another; without `from`, from the oldest there is. */
export interface Stretch {
  timeline: number;
  from: bigint | undefined;
  to: bigint;
}

/**
 * The restart point in a name: a segment's, or one that begins with a segment's (.partial, .backup), as
 * pg_archivecleanup takes them. 'none' where PostgreSQL knows no restart point yet, undefined for anything else.
 */
export function readRestartPoint(name: string, segmentSize: number): RestartPoint | 'none' | undefined {
  if (name === noRestartPoint) return 'none';
  const file = parseWalFileName(name);
  if (file === undefined || file.kind === 'history') return undefined;
  const number = segmentNumber(file, segmentSize);
  return number === undefined ? undefined : { timeline: file.timeline, number };
}

/**
 * The stretches before a restart point: its own timeline from where that began, and each ancestor between the fork that
 * made it and the fork that left it. The segment in which an ancestor was left stays: what lies past the fork is of
 * another line. Without a history, only the own timeline.
 */
export function stretchesBefore(
  { timeline, number }: RestartPoint,
  history: readonly HistoryEntry[],
  segmentSize: number,
): Stretch[] {
  const line = [...history.map((entry) => ({ ...entry })), { timeline, switchLsn: undefined }];
  let from: bigint | undefined;
  return line.flatMap((part) => {
    const left = part.switchLsn === undefined ? number : segmentOfLsn(part.switchLsn, segmentSize);
    const stretch = { timeline: part.timeline, from, to: left < number ? left : number };
    from = left;
    return stretch.from === undefined || stretch.from < stretch.to ? [stretch] : [];
  });
}

/** The numbers of a stretch's segments among names, in order, no lower than `from`. */
export function presentIn(
  names: readonly string[],
  { timeline, to }: Stretch,
  from: bigint,
  segmentSize: number,
): bigint[] {
  return names
    .flatMap((name) => {
      const file = parseWalFileName(name);
      if (file?.kind !== 'segment' || file.timeline !== timeline) return [];
      const number = segmentNumber(file, segmentSize);
      // The name again: what the arithmetic does not give back is not touched.
      if (number === undefined || segmentName(timeline, number, segmentSize) !== name) return [];
      return number >= from && number < to ? [number] : [];
    })
    .sort((a, b) => (a < b ? -1 : 1));
}
