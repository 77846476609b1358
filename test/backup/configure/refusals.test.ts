// What configStandby does not touch: a running server, whatever keeps us from connecting to it; an unfinished copy; a primary's
// directory; one that is past the point where the timeline to follow left its own.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { createCluster } from '../../harness/create-cluster.ts';
import { refused } from '../../harness/node-fixture.ts';
import { findPostgres } from '../../harness/postgres-binaries.ts';
import { makeSandbox } from '../../harness/sandbox.ts';
import { changesBetween, snapshot } from '../../harness/tree-snapshot.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { historyText, megabyte, segmentNamed } from '../../harness/wal-files.ts';
import { backupLabel, configure, configureCopy, giveHomeTo, makeCopy, textOf } from './node-to-configure.ts';

describe('a running server', { timeout: 60_000 }, () => {
  it('2warm, bug 8, configStandby: is refused on another port, with logins refused, and keeps its WAL', async () => {
    await using sandbox = makeSandbox('bug8');
    const settings = { archive_mode: 'off' };
    const primary = await createCluster(sandbox, { postgres: findPostgres(), name: 'one', settings });
    sandbox.file('one/data/pg_hba.conf', 'local all all reject\nhost all all all reject\n');
    giveHomeTo(primary, sandbox.directory('archive'));
    await primary.start({ wait: false });
    const pid = await waitFor('the server to say that it is ready', () => {
      const lines = readFileSync(join(primary.dataDirectory, 'postmaster.pid'), 'utf8').split('\n');
      return lines[7]?.trim() === 'ready' && Number(lines[0]);
    });
    // psql with PostgreSQL's default port, as 2warm called it, reaches nobody, and this port lets nobody in.
    await expect(primary.query('select 1')).rejects.toThrow(/pg_hba\.conf|reject/);
    // What the server itself writes all the time is not meant.
    const own = /(^|\/)(pg_stat|pg_stat_tmp|global|pg_logical|pg_xact|log|socket)(\/|$)/;
    const before = snapshot(sandbox.path);
    for (const words of [[], ['--former-primary'], ['--yes', '--mode', 'warm'], ['--dry-run']]) {
      const { code, stdout, stderr } = await configure(primary, ...words);
      expect({ code, stdout, stderr }).toEqual({
        code: 88,
        stdout: '',
        stderr: `configStandby: ERROR:  a server runs in ${primary.dataDirectory} (process ${pid})
HINT:  Stop it first: pg_ctl stop -D ${primary.dataDirectory}, or the way your system does it.
`,
      });
    }
    expect(changesBetween(before, snapshot(sandbox.path), own)).toEqual([]);

    // Also where somebody has removed its postmaster.pid.
    const kept = sandbox.file('kept.pid', readFileSync(join(primary.dataDirectory, 'postmaster.pid')));
    rmSync(join(primary.dataDirectory, 'postmaster.pid'));
    const { code, stderr } = await configure(primary, '--former-primary');
    expect(code).toBe(88);
    expect(stderr).toContain(`PostgreSQL is at work in ${primary.dataDirectory} (processes ${pid}, `);
    sandbox.file('one/data/postmaster.pid', readFileSync(kept));
    await primary.stop();
  });
});

describe('configStandby', { concurrent: true }, () => {
  it('refuses a copy that is not finished: by its note, and where there is no pg_control', async () => {
    await using node = await makeCopy(15, { 'data/.twowarm-copying': '{}' });
    const message = `configStandby: ERROR:  the copy in ${node.dataDirectory} is not finished\n`;
    const hint =
      'HINT:  On the primary, call copyToStandby, or copyToDR, again: it goes on where it ended. Then configure the standby.\n';
    expect(await configureCopy(node)).toEqual(
      refused(
        89,
        `${message}DETAIL:  .twowarm-copying in it says that a copy is under way, or was interrupted.\n${hint}`,
      ),
    );
    rmSync(node.path('data/.twowarm-copying'));
    rmSync(node.path('data/global/pg_control'));
    expect(await configureCopy(node)).toEqual(
      refused(89, `${message}DETAIL:  There is no global/pg_control, which comes last.\n${hint}`),
    );
  });

  it('refuses the directory of a primary, unless it is told that it is a former one', async () => {
    await using node = await makeCopy();
    rmSync(node.path('data/backup_label'));
    const control = readFileSync(node.path('data/global/pg_control'));
    // DB_SHUTDOWNED
    control.writeUInt32LE(1, 16);
    node.sandbox.file('data/global/pg_control', control);
    node.sandbox.file('data/pg_wal/archive_status/000000010000000000000005.ready', '');
    expect(await configureCopy(node)).toEqual(
      refused(
        90,
        `configStandby: ERROR:  ${node.dataDirectory} is the data directory of a primary
DETAIL:  pg_control says: shut down; there is no backup_label. A primary that has written what its successor does not have cannot follow it.
HINT:  Copy it again: copyToStandby on the new primary sends only what differs. configStandby --former-primary, which looks where the timelines part, takes it only if its successor has replayed all of its WAL up to the shutdown, by streaming or with its last segment, or if it is a copy of a stopped server.
`,
      ),
    );
    const { code, stderr } = await configureCopy(node, '--former-primary');
    expect(code).toBe(0);
    expect(stderr).toBe(
      `configStandby: WARNING:  1 WAL file was never archived here, the first is 000000010000000000000005
DETAIL:  A standby does not archive them; where no other node has them, their rows are in this data directory alone.
HINT:  If they belong to the timeline that goes on: archiveWALFile pg_wal/NAME NAME, in ${node.dataDirectory}.
`,
    );
    // A standby is none: DB_SHUTDOWNED_IN_RECOVERY.
    control.writeUInt32LE(2, 16);
    node.sandbox.file('data/global/pg_control', control);
    expect(await configureCopy(node)).toMatchObject({ code: 0, stderr: '', changed: [] });
  });

  it('refuses a base backup that began past the fork of the newest timeline, and says where', async () => {
    await using node = await makeCopy(15, { 'twowarm/archive/00000002.history': historyText('0/1500000') });
    expect(await configureCopy(node)).toEqual(
      refused(
        90,
        `configStandby: ERROR:  ${node.dataDirectory} cannot follow timeline 2
DETAIL:  Timeline 2 left timeline 1 at 0/1500000, and the base backup began at 0/2000028.
HINT:  Copy it again: copyToStandby on the primary of timeline 2 sends only what differs.
`,
      ),
    );
    node.sandbox.file('twowarm/archive/00000002.history', historyText('0/2500000'));
    expect(await configureCopy(node)).toMatchObject({ code: 0, stderr: '' });
  });

  it('refuses a timeline that does not descend from the node’s own, and pages past the fork', async () => {
    await using node = await makeCopy(15, {
      'data/backup_label': backupLabel(2),
      'twowarm/archive/00000003.history': historyText('0/5000000'),
    });
    const first = await configureCopy(node);
    expect(first).toMatchObject({ code: 90, changed: [] });
    expect(first.stderr).toContain(
      'DETAIL:  Timeline 3 does not descend from timeline 2, and the base backup began at 0/2000028 of that.\n',
    );
    node.sandbox.file('data/backup_label', backupLabel(1));
    node.sandbox.file('twowarm/archive/00000002.history', historyText('0/2500000'));
    rmSync(node.path('twowarm/archive/00000003.history'));
    const control = readFileSync(node.path('data/global/pg_control'));
    control.writeBigUInt64LE(0x2500001n, 208 - 72);
    control.writeUInt32LE(1, 208 - 64);
    node.sandbox.file('data/global/pg_control', control);
    const second = await configureCopy(node);
    expect(second).toMatchObject({ code: 90, changed: [] });
    expect(second.stderr).toContain(
      'DETAIL:  Timeline 2 left timeline 1 at 0/2500000, and its pages reach up to 0/2500000.\n',
    );
    control.writeBigUInt64LE(0x2500000n, 208 - 72);
    node.sandbox.file('data/global/pg_control', control);
    expect(await configureCopy(node, '--dry-run')).toMatchObject({ code: 0, stderr: '' });
  });

  it('refuses WAL in pg_wal past the fork, which no archive could take back', async () => {
    await using node = await makeCopy(15, { 'twowarm/archive/00000002.history': historyText('0/2500000') });
    const later = segmentNamed(0x2600000 / megabyte);
    node.segment(later);
    const { code, stderr, changed } = await configureCopy(node);
    expect({ code, changed }).toEqual({ code: 90, changed: [] });
    expect(stderr).toContain(
      'DETAIL:  Timeline 2 left timeline 1 at 0/2500000, and pg_wal holds WAL of timeline 1 past that.\n',
    );
    rmSync(node.path(`data/pg_wal/${later}`));
    expect((await configureCopy(node)).code).toBe(0);
  });

  it('does not take a source that cannot be asked for one without a newer timeline', async () => {
    await using node = await makeCopy(15, {}, "[restore]\nsources = ['file:/nowhere/archive']\n");
    const lost = 'the archive directory /nowhere/archive does not exist';
    const unknown = await configureCopy(node);
    expect(unknown.code).toBe(0);
    expect(unknown.stderr).toContain(
      'WARNING:  whether there is a newer timeline, and where it begins, is not known\nDETAIL:  ',
    );
    expect(unknown.stderr).toContain(lost);
    rmSync(node.path('data/backup_label'));
    const former = await configureCopy(node, '--former-primary');
    expect(former).toMatchObject({ code: 52, changed: [] });
    expect(former.stderr).toContain('ERROR:  whether this former primary can follow is not known\nDETAIL:  ');
    expect(textOf(node, 'data/postgresql.auto.conf')).toContain('restore_command');
  });
});
