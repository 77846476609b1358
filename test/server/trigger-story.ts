// One cell of the matrix: archive, restore, trigger, with the rows that the promoted server must have, and must not.
import { readdirSync } from 'node:fs';
import { expect } from 'vitest';

import type { Cluster } from '../harness/cluster.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import type { Sandbox } from '../harness/sandbox.ts';
import { holdReplay, waitForNoCommands } from '../harness/server-processes.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  commitRows,
  destination,
  expectRows,
  isMarkedForRecovery,
  makeStandby,
  shipRows,
  startPrimary,
  timelineOf,
  waitForRows,
} from './pair.ts';
import type { Cell, Way } from './recovery-ways.ts';
import { trigger, triggerIsGiven } from './trigger.ts';

/** Plays the cell and returns its text. */
export async function playCell(sandbox: Sandbox, { major, way, how }: Cell): Promise<string> {
  const primary = await startPrimary(sandbox, { postgres: findPostgres(major) });
  const isHot = major !== way.coldIn;
  const standby = await standbyOf(primary, way, isHot);
  await standby.start();
  await shipReplayed(primary, standby, way, isHot);
  const before = way.streams === true ? await streamReplayed(primary, standby, isHot) : 1000;
  if (way.streams === true && how === 'fast') await endStreaming(primary);

  const { rows, ms } = await (how === 'smart'
    ? smartly(primary, standby, way)
    : fast(primary, standby, way, before));
  await expectRows(standby, rows);
  expect(await timelineOf(standby)).toBe(2);
  expect(isMarkedForRecovery(standby)).toBe(false);
  await expectOnwards(standby, rows);
  return `${rows} rows, timeline 2, ${(ms / 1000).toFixed(1)} s`;
}

/** It archives onwards to a place of its own once it is promoted. */
async function standbyOf(primary: Cluster, way: Way, isHot: boolean): Promise<Cluster> {
  const { sandbox, postgres } = primary;
  const onwards = sandbox.directory('dr/archive');
  const extra = {
    ...way.settings?.(postgres.major, primary, sandbox.path),
    ...(way.restoreCommand === undefined
      ? {}
      : { restore_command: way.restoreCommand(`${sandbox.path}/standby/twowarm`) }),
  };
  return makeStandby(primary, {
    mode: way.mode,
    toml: `${destination(onwards)}[restore]\n${way.toml?.(postgres.major) ?? ''}`,
    extra: { ...extra, ...(isHot ? {} : { hot_standby: false }) },
  });
}

/** 1000 rows that the standby has replayed when this returns. */
async function shipReplayed(primary: Cluster, standby: Cluster, way: Way, isHot: boolean): Promise<void> {
  const rows = await commitRows(primary, 1000);
  const segment = await primary.finishSegment();
  await primary.waitUntilArchived(segment);
  if (isHot) return waitForRows(standby, rows);
  // A segment that was delivered is replayed to its end before the next question.
  if (way.streams !== true)
    await waitFor(`${segment} to be restored`, () =>
      standby.log().includes(`restored log file "${segment}" from archive`),
    );
}

/** 500 more that came by streaming alone. */
async function streamReplayed(primary: Cluster, standby: Cluster, isHot: boolean): Promise<number> {
  const rows = await commitRows(primary, 500);
  const lsn = await primary.value('select pg_current_wal_lsn()');
  const sql = 'select bool_or(replay_lsn >= $1::pg_lsn) from pg_stat_replication';
  await waitFor('the streamed rows to be replayed', () => primary.value<boolean>(sql, [lsn]));
  if (isHot) await waitForRows(standby, rows);
  return rows;
}

/** From here on rows come by the archive alone. */
async function endStreaming(primary: Cluster): Promise<void> {
  await primary.stop('fast');
  primary.setSettings({ max_wal_senders: 0 });
  await primary.start();
}

interface Triggered {
  rows: number;
  /** From the moment that replay may go on to the first write. */
  ms: number;
}

/** What is archived and not replayed yet is restored. */
async function smartly(primary: Cluster, standby: Cluster, way: Way): Promise<Triggered> {
  const held = await holdReplay(standby);
  await shipRows(primary, 250);
  await shipRows(primary, 250);
  const rows = await shipRows(primary, 500);
  const triggered = trigger(standby, 'smart');
  await triggerIsGiven(standby, 'smart', way.mode, triggered);
  await expectFenced(primary);
  return { rows, ms: await release(held, triggered) };
}

/** The trigger has made the archive the standby's: what the old primary writes from then on it has to keep. */
async function expectFenced(primary: Cluster): Promise<void> {
  // No rows: a standby that streams beside the archive would still get them.
  await primary.finishSegment();
  await waitFor('the old primary to be refused', () =>
    primary.log().includes('the archive belongs to another node'),
  );
}

/** What is replayed is kept; what is archived and was not restored before the trigger stays where it is. */
async function fast(primary: Cluster, standby: Cluster, way: Way, rows: number): Promise<Triggered> {
  const held = await holdReplay(standby);
  const triggered = trigger(standby, 'fast');
  await triggerIsGiven(standby, 'fast', way.mode, triggered);
  // The call that was waiting has heard it.
  await waitForNoCommands(standby);
  await expectFenced(primary);
  return { rows, ms: await release(held, triggered) };
}

async function release(held: Disposable, triggered: Promise<void>): Promise<number> {
  const from = performance.now();
  held[Symbol.dispose]();
  await triggered;
  return performance.now() - from;
}

/** A primary like any other: it writes, and archives its history and what follows. */
async function expectOnwards(standby: Cluster, rows: number): Promise<void> {
  expect(await shipRows(standby, 1)).toBe(rows + 1);
  const shipped = readdirSync(`${standby.sandbox.path}/dr/archive`).filter((name) => name !== '.twowarm');
  expect(shipped).toContain('00000002.history');
  expect(shipped.some((name) => /^00000002[0-9A-F]{16}$/.test(name))).toBe(true);
}
