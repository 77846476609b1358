// An archive that keeps segments compressed, between real servers: the setting is changed on the way, the standby follows,
// and after the promotion it has every row.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import {
  archiveOf,
  commitRows,
  destination,
  expectRows,
  giveHome,
  makeStandby,
  shipRows,
  startPrimary,
  waitForRows,
  waitUntilOpen,
} from './pair.ts';

/** How many segments the archive holds in each form. */
function formsIn(sandbox: Sandbox): { plain: number; zstd: number } {
  const names = readdirSync(archiveOf(sandbox));
  const count = (pattern: RegExp): number => names.filter((name) => pattern.test(name)).length;
  return { plain: count(/^[0-9A-F]{24}$/), zstd: count(/^[0-9A-F]{24}\.zst$/) };
}

it(
  'a standby of PostgreSQL 15 follows through plain and compressed segments',
  { timeout: 120_000 },
  async () => {
    await using sandbox = makeSandbox('compressed');
    const primary = await startPrimary(sandbox, { postgres: findPostgres(15) });
    const compress = (compression: string): void =>
      giveHome(primary, `${destination(archiveOf(sandbox))}compression = '${compression}'\n`);
    compress('zstd');
    const standby = await makeStandby(primary, { extra: { recovery_prefetch: 'off' } });
    await standby.start();
    await waitForRows(standby, await shipRows(primary, 100));
    const first = formsIn(sandbox);
    expect(first.zstd).toBeGreaterThan(0);
    expect(first.plain).toBe(0);
    compress('none');
    await waitForRows(standby, await shipRows(primary, 100));
    expect(formsIn(sandbox).plain).toBeGreaterThan(0);
    compress('zstd');
    const rows = await shipRows(primary, 100);
    await waitForRows(standby, rows);
    expect(formsIn(sandbox).zstd).toBeGreaterThan(first.zstd);
    const records = readdirSync(join(archiveOf(sandbox), '.twowarm/contents'));
    expect(records.length).toBe(formsIn(sandbox).zstd);
    await primary.stop();
    await standby.promote();
    await waitUntilOpen(standby);
    await expectRows(standby, rows);
    await commitRows(standby, 1);
    expect(standby.log()).not.toContain('restoreWALFile: ERROR');
  },
);
