// Forks on real servers: a standby that follows the archive while another one is promoted and the old primary goes on.
// Nothing past the fork is ever replayed (trap T10c), and a waiting standby sees the new timeline (trap T11).
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';

import type { Cluster } from '../harness/cluster.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import type { Settings } from '../harness/settings.ts';
import { noPrefetch } from '../harness/standby.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  archiveOf,
  commitRows,
  destination,
  expectRows,
  makeStandby,
  shipRows,
  startPrimary,
  timelineOf,
  waitForRows,
} from './pair.ts';
import { inTurn, majorsOf, placeOfMajor } from '../harness/share.ts';

const majors = majorsOf([10, 12, 15, 18]);

/** What an orphan's rows are recognised by. */
const orphanFrom = 1_000_001;

/** The server can wait: it does not prefetch, and asks rarely by itself. */
const patient = (major: number): Settings => ({
  wal_retrieve_retry_interval: '5s',
  ...noPrefetch(major),
});

interface Family {
  primary: Cluster;
  /** Promoted in the test; archives to where both standbys restore from. */
  successor: Cluster;
  /** Follows the archive, and nothing else. */
  follower: Cluster;
}

async function startFamily(sandbox: Sandbox, major: number, wait: string, stream = false): Promise<Family> {
  const primary = await startPrimary(sandbox, { postgres: findPostgres(major) });
  const archive = archiveOf(sandbox);
  const toml = `[restore]\nsources = ['file:${archive}']\nwait = '${wait}'\n${destination(archive)}`;
  const streaming = stream ? { primary_conninfo: primary.conninfo } : {};
  const successor = await makeStandby(primary, {
    name: 'next',
    toml,
    extra: { ...patient(major), ...streaming },
  });
  const follower = await makeStandby(primary, {
    name: 'far',
    toml,
    extra: wait === 'off' ? {} : patient(major),
  });
  await successor.start();
  await follower.start();
  await waitForRows(follower, await shipRows(primary, 100));
  await waitForRows(successor, 100);
  return { primary, successor, follower };
}

/** Promotes and waits for the history in the archive: an orphan that arrives before it is an ordinary next segment. */
async function promoteToTimeline2(successor: Cluster, sandbox: Sandbox): Promise<void> {
  await successor.promote();
  expect(await timelineOf(successor)).toBe(2);
  const history = join(archiveOf(sandbox), '00000002.history');
  await waitFor('the history of timeline 2 to be archived', () => existsSync(history));
}

/** Commits rows that must never be seen on the other side of the fork, and archives the segment that holds them. */
async function shipOrphans(primary: Cluster): Promise<void> {
  await primary.query('insert into ledger select generate_series($1::int, $1::int + 99)', [orphanFrom]);
  await primary.waitUntilArchived(await primary.finishSegment());
}

const orphansOn = (cluster: Cluster): Promise<number> =>
  cluster.value<number>('select count(*)::int from ledger where n >= $1', [orphanFrom]);

describe.each(majors)('PostgreSQL %i', { concurrent: true, timeout: 120_000 }, (major) => {
  const its = inTurn(2, placeOfMajor(major));
  its('a waiting standby follows a timeline switch, and the orphans beside it are not replayed', async () => {
    await using sandbox = makeSandbox(`switch${major}`);
    const { primary, successor, follower } = await startFamily(sandbox, major, 'auto');
    await promoteToTimeline2(successor, sandbox);
    await shipOrphans(primary);
    await waitForRows(follower, await shipRows(successor, 100));
    await expectRows(follower, 200);
    expect(follower.log()).toContain('new target timeline is 2');
  });

  its('T10c: a standby that does not wait replays no segment past the fork', async () => {
    await using sandbox = makeSandbox(`orphans${major}`);
    const { primary, successor, follower } = await startFamily(sandbox, major, 'off');
    await promoteToTimeline2(successor, sandbox);
    await shipOrphans(primary);
    const refusal = 'lies past the point where timeline 2 left timeline 1: not restored';
    await waitFor('the orphan to be asked for', () => follower.log().includes(refusal));
    await waitForRows(follower, await shipRows(successor, 100));
    await expectRows(follower, 200);
    expect(follower.log().split(refusal)).toHaveLength(2);
  });

  its.each(['auto', 'off'])(
    "T10c: of the fork's own segment only the part before the fork is replayed (wait = '%s')",
    async (wait) => {
      await using sandbox = makeSandbox(`fork${major}`);
      const { primary, successor, follower } = await startFamily(sandbox, major, wait, true);
      // Streamed to the successor in the middle of a segment, which no archive has yet.
      await waitForRows(successor, await commitRows(primary, 50));
      await promoteToTimeline2(successor, sandbox);
      await shipOrphans(primary);
      await waitForRows(follower, 150);
      await expectRows(follower, 150);
      expect(await orphansOn(primary)).toBe(100);
      await waitForRows(follower, await shipRows(successor, 50));
      await expectRows(follower, 200);
      expect(readdirSync(archiveOf(sandbox)).filter((name) => name.endsWith('.history'))).toEqual([
        '00000002.history',
      ]);
    },
  );
});
