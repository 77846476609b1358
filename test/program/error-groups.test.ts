// The groups of exit codes that every --help shows: none of the table's codes is outside, and they do not overlap.
import { describe, expect, it } from 'vitest';

import { errorGroups } from '../../src/program/error-groups.ts';
import { errorKinds } from '../../src/program/error-kinds.ts';

const spans = errorGroups().map(({ codes }) => {
  const [first, last] = codes.split('-').map(Number) as [number, number?];
  return { first, last: last ?? first };
});

describe('the groups of exit codes', () => {
  it.each(Object.entries(errorKinds))('have the kind %s in one of them', (_, { exitCode }) => {
    expect(spans.filter(({ first, last }) => exitCode >= first && exitCode <= last)).toHaveLength(1);
  });

  it('hold what another kind has beside it: 70 is that of bugs alone', () => {
    expect(errorGroups()).toContainEqual({ codes: '70', what: errorKinds.bug.meaning });
    expect(spans.every(({ first, last }) => Number.isInteger(first) && first <= last)).toBe(true);
  });
});
