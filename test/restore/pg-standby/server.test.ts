// pg_standby as the restore_command of real servers: a warm standby under recovery.signal, and under recovery.conf before
// PostgreSQL 12, that waits, is triggered and has every row.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { baseBackup } from '../../harness/base-backup.ts';
import type { Cluster } from '../../harness/cluster.ts';
import { program } from '../../harness/installation.ts';
import { findPostgres } from '../../harness/postgres-binaries.ts';
import { processesIn, type FoundProcess } from '../../harness/processes.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { giveToServerUser } from '../../harness/server-user.ts';
import { configureStandby } from '../../harness/standby.ts';
import { waitFor } from '../../harness/wait-for.ts';
import {
  archiveOf,
  commitRows,
  expectRows,
  isMarkedForRecovery,
  shipRows,
  startPrimary,
  timelineOf,
  unarchived,
  waitForRows,
  waitUntilOpen,
} from '../../server/pair.ts';
import { majorsOf, turnOf } from '../../harness/share.ts';

interface Pair {
  primary: Cluster;
  standby: Cluster;
  trigger: string;
}

/** A primary, and a standby that restores with pg_standby from the directory that the primary archives to. */
async function startPair(sandbox: Sandbox, major: number, mode: 'standby' | 'recovery'): Promise<Pair> {
  const primary = await startPrimary(sandbox, { postgres: findPostgres(major) });
  const standby = await baseBackup(primary, { to: 'standby' });
  const trigger = join(sandbox.path, 'trigger');
  const restoreCommand = `"${program('pg_standby')}" -s 1 -t "${trigger}" "${archiveOf(sandbox)}" %f %p %r`;
  const extra = {
    hot_standby: true,
    ...(major >= 15 ? { recovery_prefetch: 'off' } : {}),
  };
  configureStandby(standby, { restoreCommand, mode, extra });
  return { primary, standby, trigger };
}

/** Processes of the standby whose command line has the words: its own, and its pg_standby with the sh that started it. */
const processes = (standby: Cluster, ...words: string[]): FoundProcess[] =>
  processesIn(standby.dataDirectory).filter(({ command }) => words.every((word) => command.includes(word)));

/** Waits until the server has a pg_standby that waits: a segment is asked for as RECOVERYXLOG. */
const waitUntilWaiting = (standby: Cluster): Promise<unknown> =>
  waitFor('pg_standby to wait', () => processes(standby, 'pg_standby', 'RECOVERYXLOG').length > 0);

const waitUntilGone = (standby: Cluster): Promise<unknown> =>
  waitFor('every process of the standby to be gone', () => {
    const left = processes(standby);
    if (left.length > 0) throw new Error(JSON.stringify(left));
    return true;
  });

describe.each(turnOf(majorsOf([10, 11, 12, 15, 18]), 2))('PostgreSQL %i', (major) => {
  it('follows as a warm standby, and opens with every row when it is triggered smart', async () => {
    await using sandbox = makeSandbox(`standby-${major}`);
    const { primary, standby, trigger } = await startPair(sandbox, major, 'recovery');
    await standby.start();
    await waitForRows(standby, await shipRows(primary, 1000));
    const rows = await shipRows(primary, 500);
    await waitForRows(standby, rows);
    expect(await standby.value('select pg_is_in_recovery()')).toBe(true);
    // Not shipped by us: the clean stop has to do it.
    expect(await commitRows(primary, 250)).toBe(1750);
    await primary.stop('fast');
    expect(unarchived(primary)).toEqual([]);

    writeFileSync(trigger, 'smart\n');
    giveToServerUser(trigger);
    await waitUntilOpen(standby);
    await expectRows(standby, 1750);
    expect(await timelineOf(standby)).toBe(2);
    expect(readFileSync(trigger, 'utf8')).toBe('smart\n');
    expect(standby.log()).toContain(`pg_standby: LOG:  found the trigger file "${trigger}": smart failover`);
    await standby.query('insert into ledger values (1751)');
  });
});

describe('a warm standby', () => {
  it('opens at once by fast, also after a last segment that the server asks for again', async () => {
    await using sandbox = makeSandbox('standby-fast');
    const { primary, standby, trigger } = await startPair(sandbox, 15, 'recovery');
    await standby.start();
    const rows = await shipRows(primary, 1000);
    await waitForRows(standby, rows);
    writeFileSync(trigger, 'fast');
    giveToServerUser(trigger);
    await waitUntilOpen(standby);
    await expectRows(standby, rows);
    expect(readFileSync(trigger, 'utf8')).toBe('');
  });

  it.each(['standby', 'recovery'] as const)(
    'under %s.signal opens by pg_ctl promote while it waits',
    async (mode) => {
      await using sandbox = makeSandbox(`standby-promote-${mode}`);
      const { primary, standby } = await startPair(sandbox, 15, mode);
      await standby.start();
      const rows = await shipRows(primary, 1000);
      await waitForRows(standby, rows);
      await standby.promote();
      await expectRows(standby, rows);
      expect(await timelineOf(standby)).toBe(2);
      expect(isMarkedForRecovery(standby)).toBe(false);
    },
  );

  it.each(['fast', 'immediate'] as const)(
    'stops %s while it waits, leaves no process and follows again',
    async (how) => {
      await using sandbox = makeSandbox(`standby-stop-${how}`);
      const { primary, standby } = await startPair(sandbox, 15, 'recovery');
      await standby.start();
      await waitForRows(standby, await shipRows(primary, 1000));
      await waitUntilWaiting(standby);
      await standby.stop(how);
      await waitUntilGone(standby);
      await standby.start();
      await waitForRows(standby, await shipRows(primary, 10));
      expect(await standby.value('select pg_is_in_recovery()')).toBe(true);
    },
  );

  it('whose postmaster is killed while it waits does not open, and leaves no process', async () => {
    await using sandbox = makeSandbox('standby-killed');
    const { primary, standby } = await startPair(sandbox, 15, 'recovery');
    await standby.start();
    const rows = await shipRows(primary, 1000);
    await waitForRows(standby, rows);
    await waitUntilWaiting(standby);
    process.kill(standby.postmasterPid()!, 'SIGKILL');
    await waitUntilGone(standby);
    expect(isMarkedForRecovery(standby)).toBe(true);
    expect(standby.log()).not.toContain('archive recovery complete');
  });
});
