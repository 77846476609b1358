// What became of every committed row. A row may be missing only if its commit lies past the end of the archive: then
// no standby could have had it. Pure.
import type { ArchivedSegment } from './last-archived.ts';
import type { Transaction } from './writer.ts';

/** Ids from `first` to `last`, both included. */
export interface IdRange {
  first: number;
  last: number;
}

export interface Verdict {
  committed: number;
  /** Committed rows that the new primary has. */
  found: number;
  /** Missing, and committed in WAL after the last archived segment. */
  unshipped: IdRange[];
  /** Missing although their WAL was archived. */
  lost: IdRange[];
  /** On the new primary, but never acknowledged by the old one. */
  unasked: IdRange[];
  last: ArchivedSegment;
  /** Whether the archive holds the commit of every row. */
  wasAllShipped: boolean;
  /** Whether nothing happened that should not. */
  isExplained: boolean;
}

/** Compares what was promised with what was found; ids in both are ascending. */
export function judge(
  transactions: readonly Transaction[],
  present: readonly number[],
  last: ArchivedSegment,
): Verdict {
  const have = new Set(present);
  const missing: { id: number; wasShipped: boolean }[] = [];
  let committed = 0;
  for (const { firstId, lastId, lsn } of transactions) {
    for (let id = firstId; id <= lastId; id++) {
      committed += 1;
      if (!have.delete(id)) missing.push({ id, wasShipped: lsn <= last.end });
    }
  }
  const lost = rangesOf(missing.filter(({ wasShipped }) => wasShipped).map(({ id }) => id));
  const unshipped = rangesOf(missing.filter(({ wasShipped }) => !wasShipped).map(({ id }) => id));
  const unasked = rangesOf([...have]);
  const isExplained = lost.length === 0 && unasked.length === 0;
  const wasAllShipped = transactions.every(({ lsn }) => lsn <= last.end);
  const found = committed - missing.length;
  return { committed, found, unshipped, lost, unasked, last, wasAllShipped, isExplained };
}

/** Ascending numbers as ranges. */
export function rangesOf(ids: readonly number[]): IdRange[] {
  const ranges: IdRange[] = [];
  for (const id of ids) {
    const current = ranges.at(-1);
    if (current !== undefined && current.last + 1 === id) current.last = id;
    else ranges.push({ first: id, last: id });
  }
  return ranges;
}

const rangeText = (ranges: readonly IdRange[]): string =>
  ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(', ');
const count = (ranges: readonly IdRange[]): number =>
  ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);

/** The verdict in words; the first line is the result. */
export function verdictText(verdict: Verdict): string {
  const { committed, found, unshipped, lost, unasked, last, wasAllShipped } = verdict;
  const missing = count(unshipped) + count(lost);
  const lines = [
    `VERDICT: ${committed} rows committed, ${found} rows found on the new primary, ${missing} missing.`,
  ];
  if (count(lost) > 0) {
    lines.push(
      `LOST: ids ${rangeText(lost)} were committed before the end of ${last.name}, which was archived.`,
    );
  }
  if (count(unasked) > 0) lines.push(`UNEXPECTED: ids ${rangeText(unasked)} were never acknowledged.`);
  if (count(unshipped) > 0) {
    lines.push(
      `Missing are ids ${rangeText(unshipped)}: their WAL lies after ${last.name}, the last segment that PostgreSQL archived.`,
    );
  } else if (wasAllShipped && count(lost) === 0) {
    lines.push(
      `A clean stop archives every commit: not shipped is only ${last.next}, with the shutdown checkpoint and no row.`,
    );
  }
  return lines.join('\n');
}
