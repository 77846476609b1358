// Two standbys of one archive on real servers, the one fast and pruning, the other slow: what the slow one needs is always
// there, through a restart of either and a promotion.
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { readPruned } from '../../src/transport/pruned.ts';
import { readConsumers } from '../../src/transport/consumers.ts';
import type { Cluster } from '../harness/cluster.ts';
import { program } from '../harness/installation.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { turnOf } from '../harness/share.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  archiveOf,
  expectRows,
  makeStandby,
  segmentsIn,
  shipRows,
  startPrimary,
  waitForRows,
  waitUntilOpen,
} from './pair.ts';

/** The segment that a standby would begin a restart with. */
const redoSegment = (standby: Cluster): Promise<string> =>
  standby.value<string>(
    "select lpad(to_hex(timeline_id), 8, '0') || lpad(upper(to_hex(((redo_lsn - '0/0'::pg_lsn) / 4294967296)::bigint)), 8, '0') || lpad(upper(to_hex((((redo_lsn - '0/0'::pg_lsn) % 4294967296) / 16777216)::bigint)), 8, '0') from pg_control_checkpoint()",
  );

/** Ships segments with checkpoints between them. */
async function ship(primary: Cluster, rounds: number): Promise<number> {
  let rows = 0;
  for (let round = 0; round < rounds; round++) {
    await primary.query('checkpoint');
    rows = await shipRows(primary, 10);
  }
  return rows;
}

/** Has the standby replay everything and make a restart point, which calls archive_cleanup_command. */
async function advance(standby: Cluster, rows: number): Promise<void> {
  await waitForRows(standby, rows);
  await standby.query('checkpoint');
}

describe.each(turnOf([15, 12], 2))('PostgreSQL %i', { concurrent: true, timeout: 180_000 }, (major) => {
  it('gives the slower of two standbys every segment while the faster one prunes', async () => {
    await using sandbox = makeSandbox(`two${major}`);
    const primary = await startPrimary(sandbox, { postgres: findPostgres(major) });
    const archive = archiveOf(sandbox);
    const toml = `name = 'NAME'\n[restore]\nsources = ['file:${archive}']\nprune = true\n`;
    const cleanup = `"${program('twowarm')}" prune %r`;
    const fast = await makeStandby(primary, {
      name: 'fast',
      toml: toml.replace('NAME', 'fast'),
      extra: { archive_cleanup_command: cleanup },
    });
    const slow = await makeStandby(primary, { name: 'slow', toml: toml.replace('NAME', 'slow') });
    await fast.start();
    await slow.start();
    let rows = await ship(primary, 2);
    await advance(fast, rows);
    await advance(slow, rows);
    // One more segment each: restore_command tells of the restart point.
    rows = await ship(primary, 1);
    await waitForRows(slow, rows);
    await waitForRows(fast, rows);
    await waitFor('both to be registered', async () => {
      const known = await readConsumers(archive, 'test');
      return known.length === 2 && known.every(({ oldest }) => oldest !== undefined);
    });

    // The slow one is away, and the fast one goes on, restarts and prunes.
    const needed = await redoSegment(slow);
    await slow.stop();
    for (let round = 0; round < 3; round++) {
      rows = await ship(primary, 3);
      await advance(fast, rows);
      expect(segmentsIn(sandbox)).toContain(needed);
      await fast.stop('immediate');
      await fast.start();
      await waitForRows(fast, rows);
      expect(segmentsIn(sandbox)).toContain(needed);
    }
    const kept = segmentsIn(sandbox).length;
    expect(kept).toBeGreaterThan(9);
    expect((await redoSegment(fast)) > needed).toBe(true);

    // It comes back, finds everything, and lets go of what it held.
    await slow.start();
    await waitForRows(slow, rows);
    expect(slow.log()).not.toContain('was pruned');
    rows = await ship(primary, 2);
    await advance(slow, rows);
    rows = await ship(primary, 2);
    await waitForRows(slow, rows);
    await advance(fast, rows);
    await waitFor('the archive to be pruned', async () => {
      await fast.query('checkpoint');
      return !existsSync(`${archive}/${needed}`);
    });
    const pruned = await readPruned(archive, 'test');
    expect(pruned.filter(({ first, last }) => first <= needed && needed <= last)).toHaveLength(1);

    // Both restart from where they are, and the slow one takes over.
    await slow.stop('immediate');
    await slow.start();
    rows = await shipRows(primary, 10);
    await waitForRows(slow, rows);
    await waitForRows(fast, rows);
    await primary.stop();
    await slow.promote();
    await waitUntilOpen(slow);
    await expectRows(slow, rows);
    await expectRows(fast, rows);
    for (const standby of [fast, slow]) expect(standby.log()).not.toMatch(/was pruned|not registered|PANIC/);
  });
});
