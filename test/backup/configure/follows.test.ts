// What configStandby has configured starts, replays from the archive and is promoted with every row: before 12 and since, as a
// hot standby and as a warm one, whatever is in its paths.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { Cluster } from '../../harness/cluster.ts';
import { program } from '../../harness/installation.ts';
import { findPostgres } from '../../harness/postgres-binaries.ts';
import { run } from '../../harness/run.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { oneOf, turnOf } from '../../harness/share.ts';
import { waitFor } from '../../harness/wait-for.ts';
import {
  expectRows,
  isMarkedForRecovery,
  shipRows,
  startPrimary,
  timelineOf,
  waitForRows,
  waitUntilOpen,
} from '../../server/pair.ts';
import { configure, copyOf, homeOf } from './node-to-configure.ts';

/** One before 12 of one kind, and one since of the other. */
const hot = turnOf([oneOf([10, 11]), oneOf([12, 15, 18])], 2).flat();
const warm = turnOf([oneOf([11, 10]), oneOf([15, 18, 12])], 2, 1).flat();

interface Pair {
  primary: Cluster;
  standby: Cluster;
}

async function pairOf(sandbox: Sandbox, major: number): Promise<Pair> {
  const archive = sandbox.directory('5%p archive');
  const primary = await startPrimary(sandbox, { postgres: findPostgres(major), shipsTo: archive });
  return { primary, standby: await copyOf(primary, "it's 5%p", archive) };
}

const filesOf = ({ dataDirectory }: Cluster): string[] =>
  readdirSync(dataDirectory)
    .filter((name) => /\.(conf|signal)$/.test(name))
    .sort();

async function expectUnchanged(standby: Cluster, ...words: string[]): Promise<void> {
  const again = await configure(standby, '--yes', ...words);
  expect(again).toMatchObject({ code: 0, stderr: '' });
  expect(again.stdout).toMatch(/^Nothing to change: /);
}

describe('a base backup that configStandby has configured', { concurrent: true, timeout: 120_000 }, () => {
  it.each(hot)('follows as a hot standby, and is promoted with every row: PostgreSQL %i', async (major) => {
    await using sandbox = makeSandbox('follow');
    const { primary, standby } = await pairOf(sandbox, major);
    const { code, stdout, stderr } = await configure(standby);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(
      `${standby.dataDirectory} is configured as a hot standby of PostgreSQL ${major}.\n`,
    );
    expect(filesOf(standby)).toEqual(
      [
        ...['pg_hba.conf', 'pg_ident.conf', 'postgresql.auto.conf', 'postgresql.conf'],
        major < 12 ? 'recovery.conf' : 'standby.signal',
      ].sort(),
    );
    await expectUnchanged(standby);

    await standby.start();
    await waitForRows(standby, await shipRows(primary, 1000));
    const cleanup = major < 12 ? undefined : await standby.value('show archive_cleanup_command');
    if (cleanup !== undefined) expect(cleanup).toMatch(/twowarm prune %r$/);
    if (major >= 15) expect(await standby.value('show recovery_prefetch')).toBe('off');
    // It waits: what arrives is there at once.
    const rows = await shipRows(primary, 500);
    await waitForRows(standby, rows);
    expect(standby.log()).not.toContain('does not wait for segments');
    await standby.promote();
    await expectRows(standby, rows);
    expect(await timelineOf(standby)).toBe(2);
  });

  it.each(warm)('waits as a warm one until it is triggered: PostgreSQL %i', async (major) => {
    await using sandbox = makeSandbox('warm');
    const { primary, standby } = await pairOf(sandbox, major);
    // A trigger file of an earlier promotion would open it at once.
    sandbox.file("it's 5%p/twowarm/trigger", 'fast');
    // A promotion needs an archive of the node's own.
    sandbox.directory("it's 5%p/twowarm/archive");
    const { code, stdout } = await configure(standby, '--mode', 'warm');
    expect(code).toBe(0);
    expect(existsSync(join(homeOf(standby), 'trigger'))).toBe(false);
    expect(readFileSync(join(homeOf(standby), 'twowarm.toml'), 'utf8')).toMatch(
      /^# of this node\n[^]*\[restore\]\nwait = 'warm'\nsources = /,
    );
    expect(stdout).toContain(`is configured as a warm standby of PostgreSQL ${major}.\n`);
    expect(filesOf(standby)).toContain(major < 12 ? 'recovery.conf' : 'recovery.signal');
    expect(filesOf(standby)).not.toContain('standby.signal');
    await expectUnchanged(standby, '--mode', 'warm');

    await standby.start();
    const rows = await shipRows(primary, 1000);
    await waitForRows(standby, rows);
    expect(isMarkedForRecovery(standby)).toBe(true);
    await primary.stop();
    const triggered = await run(program('triggerStandby'), ['-D', standby.dataDirectory]);
    expect({ code: triggered.code, stderr: triggered.stderr }).toMatchObject({ code: 0 });
    await waitUntilOpen(standby);
    await expectRows(standby, rows);
    expect(await timelineOf(standby)).toBe(2);
    await waitFor('the signal to be gone', () => !isMarkedForRecovery(standby));
  });
});
