// Two timelines that left the same one, as after a point-in-time recovery beside a failover, on real servers. PostgreSQL
// follows what it found when it looked, and nothing that does not descend from it: what the archive has of that line is
// replayed to its end, and nothing else (traps T10c, T11). The archive that the follower reads is filled by hand.
import { existsSync, linkSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';

import type { Cluster } from '../harness/cluster.ts';
import { program } from '../harness/installation.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { run } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { noPrefetch } from '../harness/standby.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  destination,
  expectRows,
  makeArchive,
  makeStandby,
  restoreCommand,
  shipRows,
  startPrimary,
  timelineOf,
  waitForRows,
  waitUntilOpen,
} from './pair.ts';
import { inTurn, majorsOf, placeOfMajor } from '../harness/share.ts';

const majors = majorsOf([10, 12, 15, 18]);

interface Pair {
  primary: Cluster;
  /** Restores from `early` alone. */
  follower: Cluster;
  /** What has been archived. */
  late: string;
  /** What of it has arrived at the follower. */
  early: string;
}

interface Family extends Pair {
  /** Restores from `late`, and archives there when it is promoted. */
  successor: Cluster;
}

interface Wishes {
  /** A follower that is a standby also runs. */
  mode?: 'standby' | 'recovery';
  wait?: 'auto' | 'off';
}

/** A primary with 100 rows, all archived, and its follower. */
async function startPair(sandbox: Sandbox, major: number, wishes: Wishes = {}): Promise<Pair> {
  const { mode = 'standby', wait = 'auto' } = wishes;
  const late = sandbox.directory('late');
  const early = makeArchive(sandbox, 'far');
  const primary = await startPrimary(sandbox, { postgres: findPostgres(major), shipsTo: late });
  const toml = `[restore]\nwait = '${wait}'\n`;
  const follower = await makeStandby(primary, { name: 'far', mode, toml, extra: noPrefetch(major) });
  const pair = { primary, follower, late, early };
  await shipRows(primary, 100);
  if (mode === 'standby') {
    arrive(pair);
    await follower.start();
    await waitForRows(follower, 100);
  }
  return pair;
}

/** The same with a successor. */
async function startFamily(sandbox: Sandbox, major: number, wishes: Wishes = {}): Promise<Family> {
  const pair = await startPair(sandbox, major, wishes);
  const successor = await makeStandby(pair.primary, {
    name: 'next',
    toml: `[restore]\nsources = ['file:${pair.late}']\n${destination(pair.late)}`,
    extra: noPrefetch(major),
  });
  await successor.start();
  await waitForRows(successor, 100);
  return { ...pair, successor };
}

const wal = /^[0-9A-F]{24}$|^[0-9A-F]{8}\.history$/;

/** Everything that is archived, or what is named, arrives, history files first. */
function arrive({ late, early }: Pair, isMeant: (name: string) => boolean = () => true): void {
  const names = readdirSync(late).filter(
    (name) => wal.test(name) && isMeant(name) && !existsSync(join(early, name)),
  );
  const histories = names.filter((name) => name.endsWith('.history'));
  for (const name of [...histories, ...names.filter((each) => !histories.includes(each)).sort()])
    linkSync(join(late, name), join(early, name));
}

const isHistory = (name: string): boolean => name.endsWith('.history');

/** The history of a timeline that left timeline 1 arrives, with none of its segments. */
function arriveHistory({ early, follower }: Pair, timeline: number, fork: string): void {
  const text = `1\t${fork}\tbefore 2026-01-31 12:00:00+00\n`;
  const file = follower.sandbox.file(`staged.history`, text, 0o644);
  renameSync(file, join(early, `0000000${timeline}.history`));
}

const waitForLog = (cluster: Cluster, text: string): Promise<unknown> =>
  waitFor(`"${text}" in the log of ${cluster.name}`, () => cluster.log().includes(text));

/** Promotes, and waits for the history: what is archived before it would look like an ordinary next segment. */
async function promoteToTimeline2({ successor, late }: Family): Promise<void> {
  await successor.promote();
  expect(await timelineOf(successor)).toBe(2);
  await waitFor('the history of timeline 2', () => existsSync(join(late, '00000002.history')));
}

/** Where the next record will be written, or would be after a switch. */
const positionOf = (cluster: Cluster): Promise<string> => cluster.value('select pg_current_wal_insert_lsn()');

/** Three more segments of the primary, after which the successor is promoted and archives one of its own: 500 rows. */
async function failOver(family: Family): Promise<{ amidst: string }> {
  const { primary, successor } = family;
  await shipRows(primary, 100);
  const amidst = await positionOf(primary);
  await shipRows(primary, 100);
  await waitForRows(successor, await shipRows(primary, 100));
  await promoteToTimeline2(family);
  await shipRows(successor, 100);
  return { amidst };
}

describe.each(majors)('PostgreSQL %i', { concurrent: true, timeout: 240_000 }, (major) => {
  const its = inTurn(2, placeOfMajor(major));
  its(
    'T10c: a recovery reaches the end of the line that it has chosen, although a newer timeline arrives',
    async () => {
      await using sandbox = makeSandbox(`chosen${major}`);
      const family = await startFamily(sandbox, major, { mode: 'recovery' });
      const { follower, early } = family;
      const { amidst } = await failOver(family);
      arrive(family);
      // In the middle of the replay: when the segment is asked for in which the other timeline leaves.
      const asked = readdirSync(early).filter((name) => name.startsWith('00000001'));
      const sibling = sandbox.file('sibling', `1\t${amidst}\tx\n`, 0o644);
      const arrives = `[ %f != ${asked.sort().at(-2)!} ] || cp '${sibling}' '${early}/00000003.history'`;
      const command = `${arrives}; ${restoreCommand()}`;
      if (major >= 12) follower.setSettings({ restore_command: command });
      else
        sandbox.file(
          'far/data/recovery.conf',
          `restore_command = '${command.replaceAll("'", "''")}'\nrecovery_target_timeline = latest\n`,
        );
      await follower.start();
      await waitUntilOpen(follower);
      await expectRows(follower, 500);
      expect(existsSync(join(early, '00000003.history'))).toBe(true);
      expect(await timelineOf(follower)).toBe(4);
    },
  );

  its(
    'T10c: a standby goes on along its line, and is promoted with all of it, although a newer timeline arrives',
    async () => {
      await using sandbox = makeSandbox(`beside${major}`);
      const family = await startFamily(sandbox, major);
      const { follower } = family;
      const { amidst } = await failOver(family);
      arrive(family, isHistory);
      await waitForLog(follower, 'new target timeline is 2');
      arriveHistory(family, 3, amidst);
      await waitForLog(follower, 'new timeline 3 is not a child of database system timeline 1');
      arrive(family);
      await waitForRows(follower, 500);
      const triggered = await run(program('triggerStandby'), ['-D', follower.dataDirectory, 'smart']);
      expect(triggered, triggered.stderr).toMatchObject({ code: 0 });
      expect(triggered.stderr).not.toContain('was not replayed');
      expect(triggered.stdout).toMatch(/^promoted to timeline 4 at /);
      await expectRows(follower, 500);
    },
  );

  its(
    'T10c: a standby replays no orphan past its own fork, although a newer timeline left later',
    async () => {
      await using sandbox = makeSandbox(`later${major}`);
      // One that waits for the segment of its own timeline does not even ask for the orphan.
      const family = await startFamily(sandbox, major, { wait: 'off' });
      const { primary, successor, follower } = family;
      await promoteToTimeline2(family);
      arrive(family, isHistory);
      await waitForLog(follower, 'new target timeline is 2');
      await primary.query('insert into ledger select generate_series(1000001, 1000100)');
      arriveHistory(family, 3, await positionOf(primary));
      await waitForLog(follower, 'new timeline 3 is not a child of database system timeline 1');
      await primary.waitUntilArchived(await primary.finishSegment());
      arrive(family);
      await waitForLog(follower, 'lies past the point where timeline 2 left timeline 1: not restored');
      await shipRows(successor, 100);
      arrive(family);
      await waitForRows(follower, 200);
      await expectRows(follower, 200);
    },
  );
});

describe.each([10, 18])(
  'PostgreSQL %i without a failover',
  { concurrent: true, timeout: 240_000 },
  (major) => {
    const its = inTurn(2, placeOfMajor(major));
    its('a standby stays on its timeline where a new one left it before what was replayed', async () => {
      await using sandbox = makeSandbox(`before${major}`);
      const pair = await startPair(sandbox, major);
      const { primary, follower } = pair;
      const passed = await positionOf(primary);
      await shipRows(primary, 100);
      arrive(pair);
      await waitForRows(follower, 200);
      arriveHistory(pair, 2, passed);
      await waitForLog(
        follower,
        'forked off current database system timeline 1 before current recovery point',
      );
      await shipRows(primary, 100);
      arrive(pair);
      await waitForRows(follower, 300);
      await expectRows(follower, 300);
    });

    its('T10c: a standby goes over to a timeline that left its own where the replay stands', async () => {
      await using sandbox = makeSandbox(`there${major}`);
      // One that waits for the segment of its own timeline does not even ask for the orphan.
      const pair = await startPair(sandbox, major, { wait: 'off' });
      const { primary, follower } = pair;
      arriveHistory(pair, 2, await follower.value('select pg_last_wal_replay_lsn()'));
      await waitForLog(follower, 'new target timeline is 2');
      await shipRows(primary, 100);
      arrive(pair);
      await waitForLog(follower, 'lies past the point where timeline 2 left timeline 1: not restored');
      await expectRows(follower, 100);
    });
  },
);
