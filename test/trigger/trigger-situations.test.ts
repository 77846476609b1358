// triggerStandby where a standby is not simply up to date: no connections, a waiting restore_command, a pause, a delay, a
// source that is lost, settings that keep writers away.
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { program } from '../harness/installation.ts';
import { commandLine } from '../harness/node-fixture.ts';
import { shell } from '../harness/run.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { serverUser } from '../harness/server-user.ts';
import { noPrefetch } from '../harness/standby.ts';
import { commitRows, giveHome, shipRows, waitForRows } from '../server/pair.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  expectPrimary,
  expectPromoted,
  loseThePrimary,
  makeScene,
  waitingRestore,
  type Scene,
} from './scene.ts';
import { inTurn, majorsOf, turnOf } from '../harness/share.ts';

const limits = { concurrent: true, timeout: 120_000 };

/** With hot_standby off nothing can be asked: what the archive's last segment holds was restored. */
async function waitUntilRestored({ standby }: Scene, words: RegExp): Promise<void> {
  await waitFor('the standby to have come so far', () => words.test(standby.log()), { limitMs: 40_000 });
}

describe.each(turnOf([10, 15], 2))('with hot_standby off, PostgreSQL %i', limits, (major) => {
  it('is promoted without a connection', async () => {
    await using sandbox = makeSandbox(`cold-${major}`);
    const scene = await makeScene(sandbox, findPostgres(major), { extra: { hot_standby: false } });
    await scene.standby.start({ wait: false });
    const rows = await loseThePrimary(scene);
    await waitUntilRestored(scene, /consistent recovery state reached/);
    expectPromoted(await scene.trigger(), scene.archive);
    await expectPrimary(scene, rows);
  });
});

describe.each(majorsOf([10, 12, 18]))('a recovery that waits, PostgreSQL %i', limits, (major) => {
  const its = inTurn(2, major < 15 ? 0 : 1);
  its.each(['smart', 'fast'])('ends by the trigger file: %s', async (wish) => {
    await using sandbox = makeSandbox(`warm-${major}`);
    const options = { mode: 'recovery', toml: "[restore]\nwait = 'warm'\n" } as const;
    const scene = await makeScene(sandbox, findPostgres(major), {
      ...options,
      restore: waitingRestore,
      extra: noPrefetch(major),
    });
    await scene.standby.start({ wait: false });
    const rows = await loseThePrimary(scene);
    await waitForRows(scene.standby, rows);
    expectPromoted(await scene.trigger(wish), scene.archive);
    await expectPrimary(scene, rows);
  });
});

describe('a recovery', limits, () => {
  it('that ends by itself is refused', async () => {
    await using sandbox = makeSandbox('pitr');
    const scene = await makeScene(sandbox, findPostgres(15), {
      mode: 'recovery',
      restore: waitingRestore,
      extra: noPrefetch(15),
    });
    await scene.standby.start({ wait: false });
    await waitForRows(scene.standby, await shipRows(scene.primary, 10));
    const { code, stdout, stderr } = await scene.trigger('fast');
    expect({ code, stdout, stderr }).toEqual({
      code: 51,
      stdout: '',
      stderr:
        'triggerStandby: ERROR:  the server is in point-in-time recovery, which ends by itself and cannot be triggered\n' +
        'DETAIL:  There is a recovery.signal, or a recovery.conf without standby_mode, and restore.wait is not "warm".\n' +
        `HINT:  To have it wait for WAL until it is triggered, set restore.wait = 'warm' in ${scene.home}/twowarm.toml.\n`,
    });
  });

  it('that waits in pg_standby ends by the trigger file of that', async () => {
    await using sandbox = makeSandbox('pg-standby');
    const trigger = join(sandbox.path, 'its own trigger');
    const restore = ({ archive }: { archive: string }): string =>
      `"${program('pg_standby')}" -d -s1 -t "${trigger}" "${archive}" %f %p %r`;
    const scene = await makeScene(sandbox, findPostgres(15), {
      mode: 'recovery',
      restore,
      extra: noPrefetch(15),
    });
    await scene.standby.start({ wait: false });
    const rows = await loseThePrimary(scene);
    await waitForRows(scene.standby, rows);
    expect((await scene.trigger('--dry-run')).stdout).toContain(
      `write "smart" into the trigger file ${trigger}\n`,
    );
    expectPromoted(await scene.trigger(), scene.archive);
    await expectPrimary({ ...scene, triggerFile: trigger }, rows);
  });
});

describe('PostgreSQL 15', limits, () => {
  it('that stands at its recovery target opens there', async () => {
    await using sandbox = makeSandbox('target');
    const scene = await makeScene(sandbox, findPostgres(15), {
      extra: { recovery_target_name: 'here', recovery_target_action: 'pause' },
    });
    const rows = await commitRows(scene.primary, 10);
    await scene.primary.query("select pg_create_restore_point('here')");
    await loseThePrimary(scene);
    await scene.standby.start();
    await waitFor('the pause', () => scene.standby.value<boolean>('select pg_is_wal_replay_paused()'));
    const result = await scene.trigger();
    expectPromoted({ ...result, stderr: '' }, scene.archive);
    await expectPrimary(scene, rows);
  });

  it('with a delay replays what it has kept back', async () => {
    await using sandbox = makeSandbox('delay');
    const scene = await makeScene(sandbox, findPostgres(15), { extra: { recovery_min_apply_delay: '1h' } });
    await scene.standby.start();
    const rows = await loseThePrimary(scene);
    expectPromoted(await scene.trigger(), scene.archive);
    await expectPrimary(scene, rows);
  });

  it('that has lost its source is promoted by fast, with a warning', async () => {
    await using sandbox = makeSandbox('lost');
    const away = sandbox.directory('away');
    const scene = await makeScene(sandbox, findPostgres(15));
    const restore = `[restore]\nsources = ['file:${away}', 'file:${scene.archive}']\n`;
    scene.configure(restore);
    await scene.standby.start();
    const rows = await loseThePrimary(scene);
    await waitForRows(scene.standby, rows);
    renameSync(away, `${away}.gone`);
    const result = await scene.trigger('fast');
    // A restore_command that asks the lost source may take its time, which is told.
    expect(result.stderr.replace(/^triggerStandby: LOG: {2}.*\n/gm, '')).toBe(
      `triggerStandby: WARNING:  could not reach the source file:${away}: the archive directory ${away} does not exist\n` +
        'DETAIL:  What it holds beyond what was replayed will be missing.\n',
    );
    expectPromoted({ ...result, stderr: '' }, scene.archive);
    await expectPrimary(scene, rows);
  });

  it('is promoted where its destination is lost, with a word about what that does to archive_command', async () => {
    await using sandbox = makeSandbox('destination');
    const scene = await makeScene(sandbox, findPostgres(15));
    await scene.standby.start();
    const rows = await loseThePrimary(scene);
    await waitForRows(scene.standby, rows);
    const [dr, away] = [scene.path('dr'), scene.path('away')];
    renameSync(dr, away);
    const warning =
      `triggerStandby: WARNING:  could not reach the destination dr: the archive directory ${dr} does not exist\n` +
      'DETAIL:  Until it is there, archive_command of the promoted server fails, and pg_wal grows.\n' +
      "HINT:  Make it reachable. If it is gone: twowarm destination suspend dr; then this node's own archive has every segment, and what dr misses is owed to it.\n";
    expect(await scene.trigger('--dry-run')).toMatchObject({ code: 0, stderr: warning });
    const result = await scene.trigger();
    expect(result.code).toBe(0);
    const unclaimed =
      `triggerStandby: WARNING:  could not claim the destination dr: the archive directory ${dr} does not exist\n` +
      'DETAIL:  The old primary may archive there until this node claims it.\n' +
      'HINT:  Once it can be reached: twowarm claim --take-over dr\n';
    const both = warning + unclaimed;
    expect(result.stderr.slice(0, both.length)).toBe(both);
    expect(result.stderr.slice(both.length).split('\n')[0]).toBe(
      `triggerStandby: WARNING:  archive_command has not succeeded for 00000002.history, although it is in ${scene.archive}: archiving does not go on`,
    );
    expect(result.stdout).toMatch(/^promoted to timeline 2 at \w+\/\w+ after [0-9.]+ s; accepts writes\n$/);
    renameSync(away, dr);
    // The archiver, which has given up for a minute, looks again.
    await scene.standby.finishSegment();
    await waitFor('archive_command to succeed', () => existsSync(join(dr, '00000002.history')), {
      limitMs: 90_000,
    });
    await expectPrimary(scene, rows);
  });

  it('archives on its own once its lost destination is suspended, as the warning says; nothing is forgotten', async () => {
    await using sandbox = makeSandbox('destination');
    const scene = await makeScene(sandbox, findPostgres(15));
    await scene.standby.start();
    const rows = await loseThePrimary(scene);
    await waitForRows(scene.standby, rows);
    const [dr, away] = [scene.path('dr'), scene.path('away')];
    renameSync(dr, away);
    expect(await scene.trigger()).toMatchObject({ code: 0 });
    const destination = (...words: string[]) =>
      shell(commandLine('twowarm', 'destination', ...words), { cwd: scene.standby.dataDirectory });
    expect(await destination('suspend', 'dr')).toMatchObject({ code: 0, stderr: '' });
    const ready = join(scene.standby.dataDirectory, 'pg_wal/archive_status/00000002.history.ready');
    // The archiver, which has given up for a minute, looks again.
    await scene.standby.finishSegment();
    await waitFor('archive_command to succeed', () => !existsSync(ready), { limitMs: 90_000 });
    expect(existsSync(join(scene.archive, '00000002.history'))).toBe(true);
    renameSync(away, dr);
    const { stdout } = await destination('resume', 'dr');
    expect(stdout).toMatch(/^dr has files again; it is owed .*00000002\.history/);
    // The next call brings it.
    await scene.standby.finishSegment();
    await waitFor('dr to have what it was owed', () => existsSync(join(dr, '00000002.history')), {
      limitMs: 90_000,
    });
    await expectPrimary(scene, rows);
  });

  it('is reached without node.conninfo, as the owner of the data directory', async () => {
    await using sandbox = makeSandbox('default');
    const scene = await makeScene(sandbox, findPostgres(15));
    giveHome(scene.standby, `[destination.dr]\nurl = 'file:${scene.path('dr')}'\n`);
    const { name } = serverUser();
    if (name !== 'postgres') await scene.primary.query(`create role "${name}" superuser login`);
    await scene.standby.start();
    const rows = await loseThePrimary(scene);
    await waitForRows(scene.standby, rows);
    expectPromoted(await scene.trigger(), scene.archive);
    await expectPrimary(scene, rows);
  });

  it('that lets nobody in is promoted, and the write is said to be untried', async () => {
    await using sandbox = makeSandbox('closed');
    const scene = await makeScene(sandbox, findPostgres(15));
    await scene.standby.start();
    const rows = await loseThePrimary(scene);
    await waitForRows(scene.standby, rows);
    const hba = join(scene.standby.dataDirectory, 'pg_hba.conf');
    writeFileSync(hba, 'local all all reject\n');
    await scene.standby.reload();
    await waitFor('nobody to be let in', () =>
      scene.standby.value('select 1').then(
        () => false,
        () => true,
      ),
    );
    const result = await scene.trigger('--json');
    const { lsn, seconds, ...answer } = JSON.parse(result.stdout) as Record<string, unknown>;
    expect(answer).toEqual({
      outcome: 'promoted',
      acceptsWrites: null,
      timeline: 2,
      parentTimeline: 1,
      archiving: 'goes on',
      reservedAt: null,
      claims: [scene.archive, scene.path('dr')].map((path) => ({ url: `file:${path}`, epoch: 1 })),
      warnings: ['could not try a write'],
    });
    expect([typeof lsn, typeof seconds]).toEqual(['string', 'number']);
    expect(result.stderr).toMatch(
      /^triggerStandby: WARNING: {2}could not try a write\nDETAIL: {2}The last attempt could not connect: pg_hba.conf rejects connection.*\nHINT: {2}node.conninfo says how to connect.\n$/,
    );
    writeFileSync(hba, 'local all all trust\n');
    await scene.standby.reload();
    await waitFor('somebody to be let in', () => scene.standby.value('select 1'));
    await expectPrimary(scene, rows);
  });

  it('with settings that keep writers away says so', async () => {
    await using sandbox = makeSandbox('writers');
    const extra = { synchronous_standby_names: 'db9', default_transaction_read_only: true };
    const scene = await makeScene(sandbox, findPostgres(15), { extra });
    await scene.standby.start();
    await waitForRows(scene.standby, await loseThePrimary(scene));
    const result = await scene.trigger();
    expect(result.stderr).toBe(
      'triggerStandby: WARNING:  commits will wait: synchronous_standby_names is set, and no such standby is connected\n' +
        'DETAIL:  It is "db9".\n' +
        "HINT:  Connect one, or: alter system set synchronous_standby_names = ''; select pg_reload_conf();\n" +
        'triggerStandby: WARNING:  default_transaction_read_only is on: sessions that do not say otherwise cannot write\n' +
        'HINT:  alter system set default_transaction_read_only = off; select pg_reload_conf();\n',
    );
    expectPromoted({ ...result, stderr: '' }, scene.archive);
  });

  it('that archives nothing says so before and after', async () => {
    await using sandbox = makeSandbox('silent');
    const scene = await makeScene(sandbox, findPostgres(15), { extra: { archive_mode: 'off' } });
    await scene.standby.start();
    await waitForRows(scene.standby, await loseThePrimary(scene));
    const result = await scene.trigger('--json');
    expect(JSON.parse(result.stdout)).toMatchObject({
      outcome: 'promoted',
      acceptsWrites: true,
      archiving: 'off',
      warnings: ['archive_mode is off: the promoted server will archive nothing'],
    });
  });
});
