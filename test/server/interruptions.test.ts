// What goes wrong around real servers and heals again: no row is lost, nothing is archived twice differently, nobody
// has to help.
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { Cluster } from '../harness/cluster.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  archiveOf,
  commitRows,
  destination,
  expectRows,
  makeArchive,
  makeStandby,
  shipRows,
  startPrimary,
  timelineOf,
  unarchived,
  waitForRows,
} from './pair.ts';

const archiverValue = async (cluster: Cluster, column: string): Promise<number> =>
  cluster.value<number>(`select ${column}::int from pg_stat_archiver`);

describe('the archive', { concurrent: true, timeout: 120_000 }, () => {
  it('that is missing makes archive_command fail and be counted; once it is there, the backlog drains whole', async () => {
    await using sandbox = makeSandbox('heals');
    const archive = archiveOf(sandbox);
    const primary = await startPrimary(sandbox, { postgres: findPostgres(), shipsTo: archive });
    const standby = await makeStandby(primary, { waitForArchive: false });
    for (let segment = 0; segment < 4; segment++) {
      await commitRows(primary, 100);
      await primary.finishSegment();
    }
    await waitFor('failures to be counted', async () => (await archiverValue(primary, 'failed_count')) > 0);
    expect(primary.log()).toContain(`the archive directory ${archive} does not exist`);
    expect(existsSync(archive)).toBe(false);
    expect(unarchived(primary).length).toBeGreaterThanOrEqual(4);

    makeArchive(sandbox);
    // Between its attempts the archiver sleeps up to a minute; the end of a segment wakes it.
    await waitFor(
      'the backlog to drain',
      async () => {
        if (unarchived(primary).length === 0) return true;
        await primary.finishSegment();
        return false;
      },
      { everyMs: 500, limitMs: 40_000 },
    );
    await standby.start();
    await waitForRows(standby, 400);
    await expectRows(standby, 400);
  });

  it('that was emptied while it was away is refused, and its absence of WAL is not taken for archived', async () => {
    await using sandbox = makeSandbox('emptied');
    const primary = await startPrimary(sandbox, { postgres: findPostgres() });
    await shipRows(primary, 10);
    const archive = archiveOf(sandbox);
    rmSync(archive, { recursive: true });
    makeArchive(sandbox);
    await commitRows(primary, 10);
    const segment = await primary.finishSegment();
    await waitFor('failures to be counted', async () => (await archiverValue(primary, 'failed_count')) > 0);
    expect(primary.log()).toContain(`the archive ${archive} has lost its .twowarm`);
    expect(readdirSync(archive)).toEqual([]);
    expect(unarchived(primary)).toContain(`${segment}.ready`);
  });

  it('has the same file when a crash makes the primary archive a segment again, and says success', async () => {
    await using sandbox = makeSandbox('crash');
    const primary = await startPrimary(sandbox, { postgres: findPostgres() });
    await commitRows(primary, 100);
    const segment = await primary.finishSegment();
    await primary.waitUntilArchived(segment);
    const archived = join(archiveOf(sandbox), segment);
    const before = statSync(archived, { bigint: true });
    await primary.stop('immediate');
    // The mark of success was not on disk yet when the machine went down.
    const status = join(primary.dataDirectory, 'pg_wal', 'archive_status', segment);
    renameSync(`${status}.done`, `${status}.ready`);
    await primary.start();
    await waitFor('the segment to be archived again', () => existsSync(`${status}.done`));
    expect(await archiverValue(primary, 'failed_count')).toBe(0);
    const after = statSync(archived, { bigint: true });
    expect([after.ino, after.mtimeNs, after.size]).toEqual([before.ino, before.mtimeNs, before.size]);
    expect(readdirSync(archiveOf(sandbox)).filter((name) => name.startsWith('.tmp'))).toEqual([]);
  });
});

describe('a standby', { concurrent: true, timeout: 120_000 }, () => {
  it('that is restarted and then crashes in the middle goes on where it was', async () => {
    await using sandbox = makeSandbox('restart');
    const primary = await startPrimary(sandbox, { postgres: findPostgres() });
    const standby = await makeStandby(primary);
    await standby.start();
    await waitForRows(standby, await shipRows(primary, 300));
    for (const mode of ['fast', 'immediate'] as const) {
      await standby.stop(mode);
      const rows = await shipRows(primary, 300);
      await standby.start();
      await waitForRows(standby, rows);
    }
    await primary.stop('fast');
    await standby.promote();
    await expectRows(standby, 900);
  });

  it('that was promoted archives its history, the partial segment it forked in, and what follows', async () => {
    await using sandbox = makeSandbox('onwards');
    const onwards = sandbox.directory('dr/archive');
    const primary = await startPrimary(sandbox, { postgres: findPostgres() });
    // Only what came by streaming ends in the middle of a segment; and only that is archived as .partial.
    const standby = await makeStandby(primary, {
      toml: destination(onwards),
      extra: { primary_conninfo: primary.conninfo },
    });
    await standby.start();
    await shipRows(primary, 300);
    const rows = await commitRows(primary, 300);
    const forked = await primary.value('select pg_walfile_name(pg_current_wal_lsn())');
    await waitForRows(standby, rows);
    await primary.stop('immediate');
    await standby.promote();
    expect(await timelineOf(standby)).toBe(2);

    const all = await shipRows(standby, 300);
    const next = `00000002${forked.slice(8)}`;
    expect(
      readdirSync(onwards)
        .filter((name) => name !== '.twowarm')
        .sort(),
    ).toEqual(['00000002.history', `${forked}.partial`, next].sort());
    expect(await archiverValue(standby, 'failed_count')).toBe(0);
    expect(statSync(join(onwards, `${forked}.partial`)).size).toBe(statSync(join(onwards, next)).size);
    await expectRows(standby, all);
    expect(all).toBe(900);
  });
});
