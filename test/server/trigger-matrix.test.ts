// Majors 10 to 18 × every way of recovery × smart and fast, on real servers. A run of all tests plays a share of it,
// which TWOWARM_SEED repeats; TWOWARM_MATRIX=all (npm run test:matrix) plays all.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { EMBEDDED_MAJORS } from '../harness/postgres-binaries.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { playsAll, seed } from '../harness/share.ts';
import { pickCells } from './pick-cells.ts';
import { cellsOf, titleOf, type Cell } from './recovery-ways.ts';
import { playCell } from './trigger-story.ts';

const all = cellsOf(EMBEDDED_MAJORS);
const cells = playsAll ? all : pickCells(all, seed);
const share = playsAll ? 'all cells' : `${cells.length} of ${all.length} cells, TWOWARM_SEED=${seed}`;
const texts = new Map<Cell, string>();

function logIn(directory: string): string {
  const file = join(directory, 'standby', 'log');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

describe('a standby that is triggered has the committed rows', { concurrent: true, timeout: 180_000 }, () => {
  it.each(cells.map((cell) => [titleOf(cell), cell] as const))('%s', async (_title, cell) => {
    await using sandbox = makeSandbox(`t${cell.major}`);
    const text = await playCell(sandbox, cell).catch((error: unknown) => {
      throw new Error(`${String(error)}\nthe log of the standby:\n${logIn(sandbox.path)}`, { cause: error });
    });
    texts.set(cell, text);
  });
});

it(`every cell of the table is filled (${share})`, () => {
  const width = Math.max(...cells.map(({ way }) => way.title.length));
  const rows = cells.map((cell) => {
    const { major, way, how } = cell;
    const text = texts.get(cell) ?? 'FAILED';
    return `PostgreSQL ${major}  ${way.title.padEnd(width)}  ${how.padEnd(5)}  ${text}`;
  });
  process.stdout.write(`\n${share}\n${rows.join('\n')}\n\n`);
  expect(rows.filter((row) => row.endsWith('FAILED'))).toEqual([]);
});
