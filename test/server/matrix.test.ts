// Major versions of PostgreSQL × what each has to go through with twowarm, and the table of it.
import { describe, expect, it } from 'vitest';

import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { scenarios } from './scenarios.ts';
import { majorsOf, placeOfMajor, turnOf } from '../harness/share.ts';

/** Another major is one number: test/servers has 10 to 18. */
const majors = majorsOf([10, 15, 18]);

const columns = Object.keys(scenarios);
const columnsOf = (major: number): string[] => turnOf(columns, 2, placeOfMajor(major));
const cells = new Map<string, string>();
const cellOf = (major: number, column: string): string => `${major} ${column}`;

describe.each(majors)('a server of PostgreSQL %i', { concurrent: true, timeout: 120_000 }, (major) => {
  it.each(columnsOf(major))('%s', async (column) => {
    await using sandbox = makeSandbox(`pg${major}`);
    cells.set(cellOf(major, column), await scenarios[column]!(sandbox, findPostgres(major)));
  });
});

it('every cell of the table of versions is filled', () => {
  const width = Math.max(...columns.map((column) => column.length));
  const text = (major: number, column: string): string => cells.get(cellOf(major, column)) ?? 'FAILED';
  const rows = majors.flatMap((major) => [
    `PostgreSQL ${major}`,
    ...columnsOf(major).map((column) => `  ${column.padEnd(width)}  ${text(major, column)}`),
  ]);
  process.stdout.write(`\n${rows.join('\n')}\n\n`);
  expect(rows.filter((row) => row.endsWith('FAILED'))).toEqual([]);
});
