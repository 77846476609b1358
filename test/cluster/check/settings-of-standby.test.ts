// twowarm check over a standby that does not run: its restore_command, and settings that contradict each other, by its files.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { program } from '../../harness/installation.ts';
import { makeNode, type NodeFixture } from '../../harness/node-fixture.ts';
import { settingsText, type Settings } from '../../harness/settings.ts';
import { found, said } from './check.ts';

let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('check-settings');
});
afterAll(() => node[Symbol.asyncDispose]());
beforeEach(() => node.mode('none'));

const set = (settings: Settings): void => {
  node.sandbox.file('data/postgresql.conf', settingsText(settings));
};

const restore = program('restoreWALFile');
const restoreLine = `HINT:  In postgresql.conf: restore_command = '${restore} %f %p %r'`;

describe('a standby', () => {
  beforeEach(() => node.mode('standby'));
  const ours = `${restore} %f %p %r`;

  it('that has our restore_command waits, unless something contradicts that', async () => {
    set({ restore_command: ours, recovery_prefetch: 'off' });
    expect(await said(node, 'restore-command,waiting')).toEqual({
      code: 0,
      lines: [
        ...found('ok', 'restore-command', `restore_command is ours: ${ours}`),
        ...found('ok', 'waiting', 'restore_command waits for the next segment'),
      ],
    });
    set({ restore_command: ours });
    expect(await said(node, 'waiting')).toEqual({
      code: 1,
      lines: found(
        'WARNING',
        'waiting',
        'restore_command does not wait for segments: recovery_prefetch is not off, and PostgreSQL would not replay what it has while it waits',
        'HINT:  Set recovery_prefetch = off in postgresql.conf of this standby, and reload it: pg_ctl reload.',
      ),
    });
    set({ primary_conninfo: 'host=db1', recovery_prefetch: 'off' });
    expect(await said(node, 'waiting')).toEqual({
      code: 0,
      lines: found(
        'ok',
        'waiting',
        'restore_command does not wait (primary_conninfo is set: this standby streams): a segment that has arrived lies for up to 5s',
        'HINT:  Where that is too long: wal_retrieve_retry_interval = 500ms, or let restore_command wait.',
      ),
    });
  });

  it('that would stream from itself gets nothing', async () => {
    set({ primary_conninfo: 'host=localhost', recovery_prefetch: 'off' });
    expect(await said(node, 'waiting')).toEqual({
      code: 2,
      lines: found(
        'CRITICAL',
        'waiting',
        'primary_conninfo leads to this very node: it would stream from itself, and gets nothing',
        "HINT:  Stop the server, take it out (configStandby --primary-conninfo '', or the primary's in its place), and start it.",
      ),
    });
    set({ primary_conninfo: 'host=db1', recovery_prefetch: 'off' });
  });

  it("with wait = 'warm' contradicts a primary_conninfo", async () => {
    node.configure(`[destination.db2]\nurl = 'file:${node.path('db2')}'\n[restore]\nwait = 'warm'\n`);
    expect(await said(node, 'waiting')).toEqual({
      code: 1,
      lines: found(
        'WARNING',
        'waiting',
        "restore.wait = 'warm' contradicts the configuration of PostgreSQL: primary_conninfo is set, and PostgreSQL could not stream while it waits",
        "HINT:  Set restore.wait = 'off' if this standby streams, or remove primary_conninfo.",
      ),
    });
    node.configure(`[destination.db2]\nurl = 'file:${node.path('db2')}'\n`);
  });

  it('that lacks a restore_command, or %r, is told so', async () => {
    set({ restore_command: '' });
    expect(await said(node, 'restore-command')).toEqual({
      code: 2,
      lines: found('CRITICAL', 'restore-command', 'restore_command is not set', restoreLine),
    });
    set({ restore_command: `${restore} %f %p` });
    expect(await said(node, 'restore-command')).toEqual({
      code: 1,
      lines: found(
        'WARNING',
        'restore-command',
        'restore_command does not give %r: this node is no registered reader of the archive',
        'DETAIL:  Whoever prunes the archive does not know what this node still needs.',
        restoreLine,
      ),
    });
    set({ restore_command: `${program('pg_standby')} /mnt/archive %f %p %r` });
    expect(await said(node, 'restore-command')).toMatchObject({ code: 0 });
    set({ restore_command: 'cp /mnt/archive/%f %p' });
    expect((await said(node, 'restore-command')).lines).toEqual(
      found(
        'CRITICAL',
        'restore-command',
        'restore_command does not call restoreWALFile',
        'DETAIL:  It is: cp /mnt/archive/%f %p',
        restoreLine,
      ),
    );
  });

  it('that cleans the archive up by another program is warned of', async () => {
    set({ archive_cleanup_command: 'pg_archivecleanup /mnt/archive %r' });
    expect(await said(node, 'archive-cleanup-command')).toEqual({
      code: 1,
      lines: found(
        'WARNING',
        'archive-cleanup-command',
        'archive_cleanup_command does not call twowarm prune',
        'DETAIL:  It is: pg_archivecleanup /mnt/archive %r. It does not know of other readers of the archive, and leaves no record of what it removes.',
        `HINT:  In postgresql.conf: archive_cleanup_command = '${program('twowarm')} prune %r'`,
      ),
    });
    // What stands there in quotes is a word, and no command of ours.
    set({ archive_cleanup_command: `${program('twowarm')} ';touch x;' prune %r` });
    expect((await said(node, 'archive-cleanup-command')).lines[0]).toBe(
      `CRITICAL  archive-cleanup-command: archive_cleanup_command cannot run ${program('twowarm')}: exit code 2`,
    );
    set({ archive_cleanup_command: `${program('twowarm')} prune %r` });
    expect(await said(node, 'archive-cleanup-command')).toEqual({
      code: 0,
      lines: found(
        'ok',
        'archive-cleanup-command',
        `archive_cleanup_command is ours: ${program('twowarm')} prune %r`,
      ),
    });
  });

  it('with settings of a recovery that ends, or lags, is warned of', async () => {
    set({
      recovery_target_timeline: 'current',
      recovery_target_time: '2026-01-01',
      recovery_min_apply_delay: '1h',
    });
    expect(await said(node, 'recovery-settings')).toEqual({
      code: 1,
      lines: [
        ...found(
          'WARNING',
          'recovery-settings',
          'recovery_target_timeline is current: this standby does not follow a promotion',
          'HINT:  Set recovery_target_timeline = latest; before PostgreSQL 12 in recovery.conf.',
        ),
        ...found(
          'WARNING',
          'recovery-settings',
          'recovery_target_time is set: replay ends there',
          'HINT:  A standby has no recovery target: take it out of its configuration, and restart it.',
        ),
        ...found(
          'WARNING',
          'recovery-settings',
          'recovery_min_apply_delay is 1h: this standby is behind on purpose',
          'HINT:  A promotion has to replay as much first. Where nobody wants that, take it out.',
        ),
      ],
    });
  });

  it('that is a recovery which waits until it is triggered is judged in these words', async () => {
    await using warm = await makeNode('check-warm', {
      configuration: () => "[restore]\nwait = 'warm'\n",
      used: false,
    });
    warm.mode('recovery');
    expect(await said(warm, 'recovery-settings')).toEqual({
      code: 0,
      lines: found(
        'ok',
        'recovery-settings',
        'the recovery waits until it is triggered, and follows the latest timeline, without a target or a delay',
      ),
    });
    warm.configure('');
    expect((await said(warm, 'recovery-settings')).lines).toEqual(
      found('skipped', 'recovery-settings', 'the server is in a recovery that ends by itself'),
    );
  });

  it('with a trigger file that lies about does not follow any more', async () => {
    const path = node.sandbox.file('twowarm/trigger', 'fast\n');
    const hint = `HINT:  If no promotion is under way: rm ${path}`;
    expect(await said(node, 'trigger-file')).toEqual({
      code: 2,
      lines: found(
        'CRITICAL',
        'trigger-file',
        `restore_command restores nothing any more: the trigger file ${path} says "fast"`,
        hint,
      ),
    });
    writeFileSync(path, '');
    expect(await said(node, 'trigger-file')).toEqual({
      code: 1,
      lines: found(
        'WARNING',
        'trigger-file',
        `restore_command does not wait any more: there is the trigger file ${path}`,
        hint,
      ),
    });
    writeFileSync(path, 'now');
    expect((await said(node, 'trigger-file')).lines).toEqual(
      found(
        'WARNING',
        'trigger-file',
        `the trigger file ${path} is ignored: its content is neither "smart" nor "fast"`,
        hint,
      ),
    );
    node.mode('none');
    writeFileSync(path, 'smart');
    expect((await said(node, 'trigger-file')).lines).toEqual(
      found(
        'WARNING',
        'trigger-file',
        `a trigger file of an earlier promotion lies at ${path}`,
        'DETAIL:  Once this node is a standby again, its restore_command obeys it.',
        `HINT:  rm ${join(node.home, 'trigger')}`,
      ),
    );
  });
});
