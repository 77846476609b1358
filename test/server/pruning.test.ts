// A standby whose archive is pruned, by archive_cleanup_command or by restore_command with %r, on real servers: what a
// restart needs is always there.
import { describe, expect, it } from 'vitest';

import { readSegmentSize } from '../../src/postgres/control-file.ts';
import type { Cluster } from '../harness/cluster.ts';
import { createCluster } from '../harness/create-cluster.ts';
import { program } from '../harness/installation.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { inTurn, placeOfMajor, turnOf } from '../harness/share.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  commitRows,
  expectRows,
  makeStandby,
  segmentsIn,
  shipRows,
  startPrimary,
  waitForRows,
  waitUntilOpen,
} from './pair.ts';

/** Ships segments, and makes the standby's restart point follow them. */
async function advance(primary: Cluster, standby: Cluster): Promise<number> {
  let rows = 0;
  for (let round = 0; round < 4; round++) {
    await primary.query('checkpoint');
    rows = await shipRows(primary, 10);
  }
  await waitForRows(standby, rows);
  await standby.query('checkpoint');
  return rows;
}

async function rowsSurvive(primary: Cluster, standby: Cluster, expected: number): Promise<void> {
  // The restart reads from the restart point on, once more from the archive.
  await standby.stop('immediate');
  await standby.start();
  await waitForRows(standby, expected);
  const rows = await shipRows(primary, 10);
  await waitForRows(standby, rows);
  await primary.stop();
  await standby.promote();
  await waitUntilOpen(standby);
  await expectRows(standby, rows);
  await commitRows(standby, 1);
}

describe.each([10, 15])('PostgreSQL %i', { concurrent: true, timeout: 120_000 }, (major) => {
  const its = inTurn(2, placeOfMajor(major));
  its('restarts with every row after archive_cleanup_command has pruned', async () => {
    await using sandbox = makeSandbox(`prune${major}`);
    const primary = await startPrimary(sandbox, { postgres: findPostgres(major) });
    const cleanup = `"${program('twowarm')}" prune %r`;
    const standby = await makeStandby(primary, { extra: { archive_cleanup_command: cleanup } });
    const oldest = segmentsIn(sandbox)[0]!;
    await standby.start();
    const rows = await advance(primary, standby);
    await waitFor('the archive to be pruned', () => segmentsIn(sandbox)[0]! > oldest);
    expect(standby.log()).not.toContain('archive_cleanup_command');
    expect(segmentsIn(sandbox).length).toBeGreaterThan(0);
    await rowsSurvive(primary, standby, rows);
  });

  its('restarts with every row after restore_command has pruned', async () => {
    await using sandbox = makeSandbox(`prune${major}`);
    const primary = await startPrimary(sandbox, { postgres: findPostgres(major) });
    const standby = await makeStandby(primary, { toml: '[restore]\nprune = true\n' });
    const oldest = segmentsIn(sandbox)[0]!;
    await standby.start();
    const rows = await shipRows(primary, 10);
    await waitForRows(standby, rows);
    await advance(primary, standby);
    const more = await advance(primary, standby);
    await waitFor('the archive to be pruned', () => segmentsIn(sandbox)[0]! > oldest);
    expect(standby.log()).not.toContain('WARNING');
    await rowsSurvive(primary, standby, more);
  });
});

describe.each(turnOf([10, 11, 12, 13, 14, 15, 16, 17, 18], 3))('pg_control of PostgreSQL %i', (major) => {
  it('tells the segment size', { concurrent: true }, async () => {
    await using sandbox = makeSandbox(`control${major}`);
    // 10 has the size from its build.
    const initdbArgs = major === 10 ? [] : ['--wal-segsize=4'];
    const cluster = await createCluster(sandbox, { postgres: findPostgres(major), name: 'one', initdbArgs });
    expect(readSegmentSize(cluster.dataDirectory)).toBe((major === 10 ? 16 : 4) * 1024 * 1024);
  });
});
