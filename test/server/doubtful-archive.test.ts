// What a real server does while its archive cannot say whether it has the next segment: unreachable, refused, damaged,
// slow. A standby goes on serving, a recovery stops rather than open early, a warm recovery waits; all go on once it is cured.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { Cluster } from '../harness/cluster.ts';
import { shell } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { waitingCallOf } from '../harness/server-processes.ts';
import { waitFor } from '../harness/wait-for.ts';
import { DoubtfulArchive, doubts, type Doubt } from './doubtful-archive.ts';
import {
  commitRows,
  expectRows,
  giveHome,
  isMarkedForRecovery,
  timelineOf,
  waitForRows,
  waitUntilOpen,
} from './pair.ts';
import { makePair } from './waiting-standby.ts';
import { majorsOf, turnOf } from '../harness/share.ts';

/** How a test makes "cannot know" short. */
const impatient = "[restore]\nretry_limit = '500ms'\ntime_limit = '1s'\n";

interface Scene {
  archive: DoubtfulArchive;
  primary: Cluster;
  standby: Cluster;
  toml: string;
}

async function makeScene(
  sandbox: Sandbox,
  major: number,
  wait: 'auto' | 'warm',
  mode: 'standby' | 'recovery',
) {
  const archive = new DoubtfulArchive(sandbox);
  const toml = `${impatient}wait = '${wait}'\n`;
  const { primary, standby } = await makePair(sandbox, major, {
    mode,
    shipsTo: archive.shipped,
    extra: { restore_command: archive.restoreCommand },
  });
  giveHome(standby, toml);
  return { archive, primary, standby, toml };
}

/** Commits and archives; nothing of it is delivered yet. */
async function ship(primary: Cluster, count: number): Promise<{ rows: number; segment: string }> {
  const rows = await commitRows(primary, count);
  const segment = await primary.finishSegment();
  await primary.waitUntilArchived(segment);
  return { rows, segment };
}

/** What the server has logged since. */
const logSince = (server: Cluster, length: number): string => server.log().slice(length);

/** Makes the waiting call look: an archive that was closed tells nobody. */
const wake = ({ standby, toml }: Scene): void => giveHome(standby, toml);

/** A running standby, in either mode, that was told nothing, serves what it has, and has the rest once it is cured. */
async function servesThrough(scene: Scene, doubt: Doubt, expected: string): Promise<void> {
  const { archive, primary, standby } = scene;
  if (doubt.title === 'too slow') {
    // The call that waits already is as fast as ever: it is the next one that is slow.
    doubt.make(archive, '');
    const { rows } = await ship(primary, 100);
    archive.deliver();
    await waitForRows(standby, rows);
  }
  const before = await standby.value<number>('select max(n) from ledger');
  const { rows, segment } = await ship(primary, 100);
  const logged = standby.log().length;
  if (doubt.title !== 'too slow') doubt.make(archive, segment);
  wake(scene);
  const said = [expected.replace('SEGMENT', segment), doubt.says(archive, segment)];
  await waitFor(`the log to say "${said.join('…')}"`, () =>
    logSince(standby, logged)
      .split('\n')
      .some((line) => said.every((part) => line.includes(part))),
  );
  await expectRows(standby, before);
  expect(isMarkedForRecovery(standby)).toBe(true);

  doubt.undo(archive, segment);
  archive.deliver();
  await waitForRows(standby, rows);
  expect(await standby.value<boolean>('select pg_is_in_recovery()')).toBe(true);
  expect(logSince(standby, logged)).not.toContain('FATAL');
}

/** A start into the doubt: stopped, and not opened. */
async function stopsAt({ archive, standby }: Scene, doubt: Doubt, segment: string): Promise<void> {
  const logged = standby.log().length;
  doubt.make(archive, segment);
  // It may be open for queries, and therefore "started", before it gets there.
  await standby.start().catch(() => undefined);
  await waitFor('the server to stop', async () => !(await standby.isRunning()));
  expect(logSince(standby, logged)).toContain(doubt.says(archive, segment));
  expect(logSince(standby, logged)).toMatch(/FATAL: {2}could not restore file .* exited with exit code 200/);
  expect(isMarkedForRecovery(standby)).toBe(true);
  doubt.undo(archive, segment);
}

/** A call without a signal file, as at the end of a promotion or from pg_rewind. */
async function answersAtOnce({ archive, standby }: Scene, doubt: Doubt, segment: string): Promise<void> {
  doubt.make(archive, segment);
  const line = archive.restoreCommand
    .replaceAll('%f', segment)
    .replaceAll('%p', 'pg_wal/RECOVERYXLOG')
    .replaceAll('%r', segment);
  const { code, stderr, ms } = await shell(line, { cwd: standby.dataDirectory });
  expect([doubt.title, code]).toEqual([doubt.title, 1]);
  expect(stderr).toContain(doubt.says(archive, segment));
  expect(ms).toBeLessThan(10_000);
  doubt.undo(archive, segment);
}

const majors = majorsOf([11, 14, 15, 18]);

describe(
  'while nobody knows whether the archive has the next segment',
  {
    concurrent: true,
    timeout: 180_000,
  },
  () => {
    it.each(turnOf(majors, 2, 0))(
      'a standby of PostgreSQL %i that waits goes on serving, and goes on replaying when it is cured',
      async (major) => {
        await using sandbox = makeSandbox(`doubt${major}`);
        const scene = await makeScene(sandbox, major, 'auto', 'standby');
        const { rows } = await ship(scene.primary, 1000);
        scene.archive.deliver();
        await scene.standby.start();
        await waitForRows(scene.standby, rows);
        for (const doubt of turnOf(doubts, 3, 0)) await servesThrough(scene, doubt, 'ERROR:  ');
      },
    );

    it.each(turnOf(majors, 2, 1))(
      'a warm recovery of PostgreSQL %i waits through it, and goes on replaying when it is cured',
      async (major) => {
        await using sandbox = makeSandbox(`doubt${major}`);
        const scene = await makeScene(sandbox, major, 'warm', 'recovery');
        const { rows } = await ship(scene.primary, 1000);
        scene.archive.deliver();
        await scene.standby.start();
        await waitForRows(scene.standby, rows);
        for (const doubt of turnOf(doubts, 3, 1)) {
          await waitingCallOf(scene.standby);
          await servesThrough(scene, doubt, 'still waiting for SEGMENT: ');
        }
      },
    );

    it.each(turnOf(majors, 2, 2))(
      'a recovery of PostgreSQL %i stops with exit code 200, goes on when it is cured, and once open asks nobody to stop',
      async (major) => {
        await using sandbox = makeSandbox(`doubt${major}`);
        const scene = await makeScene(sandbox, major, 'auto', 'recovery');
        const { archive, primary, standby } = scene;
        const { rows, segment } = await ship(primary, 1000);
        for (const doubt of turnOf(doubts, 3, 2)) {
          archive.deliver();
          if (['damaged', 'cut'].some((word) => doubt.title.startsWith(word)))
            rmSync(join(archive.source, segment));
          await stopsAt(scene, doubt, segment);
        }
        archive.deliver();
        await standby.start();
        await waitUntilOpen(standby);
        await expectRows(standby, rows);
        expect(await timelineOf(standby)).toBe(2);

        for (const doubt of turnOf(doubts, 3, 2)) {
          if (['damaged', 'cut'].some((word) => doubt.title.startsWith(word))) {
            rmSync(join(archive.source, segment), { force: true });
          }
          await answersAtOnce(scene, doubt, segment);
        }
        expect(await timelineOf(standby)).toBe(2);
      },
    );
  },
);
