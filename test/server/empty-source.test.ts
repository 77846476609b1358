// A real server in recovery whose archive is not mounted: the empty directory in its place must not end the recovery.
import { rmdirSync, renameSync } from 'node:fs';
import { expect, it } from 'vitest';

import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { turnOf } from '../harness/share.ts';
import {
  archiveOf,
  expectRows,
  isMarkedForRecovery,
  makeArchive,
  makeStandby,
  shipRows,
  startPrimary,
  timelineOf,
  waitUntilOpen,
} from './pair.ts';

it.concurrent.each(turnOf([10, 15], 2))(
  'a server of PostgreSQL %i does not open on an empty source directory, and recovers once it is mounted',
  { timeout: 120_000 },
  async (major) => {
    await using sandbox = makeSandbox('empty-source');
    const primary = await startPrimary(sandbox, { postgres: findPostgres(major) });
    const toml = "[restore]\nretry_limit = '500ms'\n";
    const restored = await makeStandby(primary, { mode: 'recovery', toml });
    const rows = await shipRows(primary, 1000);
    await primary.stop('fast');
    const archive = archiveOf(sandbox);
    renameSync(archive, `${archive}.away`);
    makeArchive(sandbox);
    await expect(restored.start()).rejects.toThrow('pg_ctl start');
    expect(await restored.isRunning()).toBe(false);
    expect(restored.log()).toContain(`the source file:${archive} is empty and was never an archive`);
    expect(restored.log()).toMatch(/FATAL: {2}could not restore file .* exited with exit code 200/);
    expect(isMarkedForRecovery(restored)).toBe(true);

    // Nothing was made in it.
    rmdirSync(archive);
    renameSync(`${archive}.away`, archive);
    await restored.start();
    await waitUntilOpen(restored);
    await expectRows(restored, rows);
    expect(await timelineOf(restored)).toBe(2);
  },
);
