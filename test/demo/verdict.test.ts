// The demo's verdict, on stories that the demo itself hopefully never tells.
import { describe, expect, it } from 'vitest';

import type { ArchivedSegment } from '../../scripts/demo/last-archived.ts';
import { judge, rangesOf, verdictText } from '../../scripts/demo/verdict.ts';
import type { Transaction } from '../../scripts/demo/writer.ts';

const last: ArchivedSegment = {
  name: '000000010000000000000003',
  end: 0x4000000n,
  next: '000000010000000000000004',
  files: 3,
};
const committed = (firstId: number, lastId: number, lsn: bigint): Transaction => ({
  firstId,
  lastId,
  lsn,
  committedMs: 0,
});
const inArchive = [committed(1, 2, 0x3000100n), committed(3, 5, 0x4000000n)];
const after = committed(6, 7, 0x4000100n);

describe('the verdict', () => {
  it('is clean when every committed row is found', () => {
    const verdict = judge(inArchive, [1, 2, 3, 4, 5], last);
    expect(verdict).toMatchObject({ committed: 5, found: 5, wasAllShipped: true, isExplained: true });
    expect(verdictText(verdict)).toContain(
      'VERDICT: 5 rows committed, 5 rows found on the new primary, 0 missing.\nA clean stop archives every commit',
    );
  });

  it('explains rows that were committed after the last archived segment, and names them', () => {
    const verdict = judge([...inArchive, after], [1, 2, 3, 4, 5], last);
    expect(verdict).toMatchObject({
      found: 5,
      unshipped: [{ first: 6, last: 7 }],
      lost: [],
      isExplained: true,
    });
    expect(verdictText(verdict)).toContain('7 rows committed, 5 rows found on the new primary, 2 missing');
    expect(verdictText(verdict)).toContain('ids 6-7: their WAL lies after 000000010000000000000003');
  });

  it('does not explain a row that was archived and is missing', () => {
    const verdict = judge([...inArchive, after], [1, 2, 4, 6, 7], last);
    expect(verdict).toMatchObject({
      lost: [
        { first: 3, last: 3 },
        { first: 5, last: 5 },
      ],
      isExplained: false,
    });
    expect(verdictText(verdict)).toContain('LOST: ids 3, 5 were committed before the end of');
    expect(verdictText(verdict)).not.toContain('A clean stop');
  });

  it('does not explain a row that nobody committed', () => {
    const verdict = judge(inArchive, [1, 2, 3, 4, 5, 6], last);
    expect(verdict).toMatchObject({ found: 5, unasked: [{ first: 6, last: 6 }], isExplained: false });
    expect(verdictText(verdict)).toContain('UNEXPECTED: ids 6 were never acknowledged');
  });
});

it('ids become ranges', () => {
  expect(rangesOf([])).toEqual([]);
  expect(rangesOf([1, 2, 3, 7, 9, 10])).toEqual([
    { first: 1, last: 3 },
    { first: 7, last: 7 },
    { first: 9, last: 10 },
  ]);
});
