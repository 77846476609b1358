// What every major version of PostgreSQL has to go through with twowarm; each scenario returns what its cell of the
// table says.
import { existsSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

import type { PostgresBinaries } from '../harness/postgres-binaries.ts';
import type { Sandbox } from '../harness/sandbox.ts';
import {
  archiveOf,
  expectRows,
  isMarkedForRecovery,
  makeStandby,
  shipRows,
  startPrimary,
  timelineOf,
  waitUntilOpen,
  waitForRows,
  type PrimaryOptions,
} from './pair.ts';

type Scenario = (sandbox: Sandbox, postgres: PostgresBinaries) => Promise<string>;

/** How a test makes "cannot know" short. */
const impatient = "[restore]\nretry_limit = '500ms'\n";

export interface Layout extends Omit<PrimaryOptions, 'postgres'> {
  standby?: string;
  /** Called with the standby's data directory before its first start. */
  prepare?: (dataDirectory: string) => void;
}

/** Archive, restore, follow, stop, promote: the standby has every row that the primary committed. */
export async function promoteWithEveryRow(
  sandbox: Sandbox,
  postgres: PostgresBinaries,
  layout: Layout = {},
): Promise<string> {
  const { standby: name = 'standby', prepare, ...options } = layout;
  const primary = await startPrimary(sandbox, { ...options, postgres });
  const standby = await makeStandby(primary, { name });
  prepare?.(standby.dataDirectory);
  await standby.start();
  await waitForRows(standby, await shipRows(primary, 1000));
  expect(await standby.value('select pg_is_in_recovery()')).toBe(true);
  // Not shipped by us: the clean stop has to do it.
  await primary.query('insert into ledger select generate_series(1001, 1500)');
  const stopped = await primary.value('select pg_walfile_name(pg_current_wal_lsn())');
  await primary.stop('fast');
  expect(readdirSync(archiveOf(sandbox, name))).toContain(stopped);
  await waitForRows(standby, 1500);
  await standby.promote();
  await expectRows(standby, 1500);
  const timeline = await timelineOf(standby);
  expect(timeline).toBe(2);
  await standby.query('insert into ledger values (1501)');
  await expectRows(standby, 1501);
  return `1500 of 1500 rows, timeline ${timeline}`;
}

/** recovery.signal and a source that cannot be reached: stops instead of opening early, recovers once it is back. */
const stopsWhileUnknown: Scenario = async (sandbox, postgres) => {
  const primary = await startPrimary(sandbox, { postgres });
  const restored = await makeStandby(primary, { mode: 'recovery', toml: impatient });
  const rows = await shipRows(primary, 1000);
  await primary.stop('fast');
  const archive = archiveOf(sandbox);
  renameSync(archive, `${archive}.away`);
  await expect(restored.start()).rejects.toThrow('pg_ctl start');
  expect(await restored.isRunning()).toBe(false);
  expect(restored.log()).toContain(`the archive directory ${archive} does not exist`);
  expect(restored.log()).toMatch(/FATAL: {2}could not restore file .* exited with exit code 200/);
  expect(isMarkedForRecovery(restored)).toBe(true);
  expect(existsSync(archive)).toBe(false);

  renameSync(`${archive}.away`, archive);
  await restored.start();
  await waitUntilOpen(restored);
  await expectRows(restored, rows);
  expect(await timelineOf(restored)).toBe(2);
  return 'exit 200, then all rows';
};

/** Trap T10b: restore_command cannot know while the standby is promoted; no code of ours may make it fork. */
async function takesANewTimeline(
  sandbox: Sandbox,
  postgres: PostgresBinaries,
  lost: (sandbox: Sandbox) => string,
): Promise<string> {
  const primary = await startPrimary(sandbox, { postgres });
  const standby = await makeStandby(primary, { toml: impatient });
  await standby.start();
  const rows = await shipRows(primary, 1000);
  await waitForRows(standby, rows);
  await primary.stop('fast');
  const path = lost(sandbox);
  renameSync(path, `${path}.away`);
  await standby.promote();
  expect(await timelineOf(standby)).toBe(2);
  expect(readdirSync(join(standby.dataDirectory, 'pg_wal'))).toContain('00000002.history');
  expect(isMarkedForRecovery(standby)).toBe(false);
  await expectRows(standby, rows);
  // And it stays there: also its next start.
  await standby.stop('fast');
  await standby.start();
  expect(await timelineOf(standby)).toBe(2);
  await expectRows(standby, rows);
  return 'timeline 2';
}

/** The columns of the table. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  'is promoted with every row': promoteWithEveryRow,
  'does not open early while the source is away': stopsWhileUnknown,
  'does not fork when promoted without the archive': (sandbox, postgres) =>
    takesANewTimeline(sandbox, postgres, archiveOf),
  'does not fork when promoted without the home and its configuration': (sandbox, postgres) =>
    takesANewTimeline(sandbox, postgres, (all) => join(all.path, 'standby', 'twowarm')),
};
