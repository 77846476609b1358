// Where triggerStandby could be believed too easily: another server at the end of node.conninfo, an archive_command that
// fails, files that a killed call has left.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { program } from '../harness/installation.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { turnOf } from '../harness/share.ts';
import { waitFor } from '../harness/wait-for.ts';
import { destination, giveHome, makeStandby, shipRows, waitForRows, waitUntilOpen } from '../server/pair.ts';
import { expectPrimary, loseThePrimary, makeScene } from './scene.ts';

const limits = { concurrent: true, timeout: 120_000 };

describe('with the node.conninfo of another node', limits, () => {
  it('promotes this server and not that one, and says why it tried no write', async () => {
    await using sandbox = makeSandbox('elsewhere');
    const scene = await makeScene(sandbox, findPostgres(15));
    const sources = `[restore]\nsources = ['file:${scene.archive}']\n`;
    const other = await makeStandby(scene.primary, { name: 'other', toml: sources });
    await Promise.all([other.start(), scene.standby.start()]);
    const rows = await loseThePrimary(scene);
    await Promise.all([other, scene.standby].map((standby) => waitForRows(standby, rows)));
    const dr = sandbox.directory('dr');
    giveHome(scene.standby, `conninfo = '${other.conninfo}'\n[destination.dr]\nurl = 'file:${dr}'\n`);
    const { code, stdout, stderr } = await scene.trigger();
    expect(stderr).toBe(
      'triggerStandby: WARNING:  could not try a write\n' +
        `DETAIL:  The last attempt could not connect: ${other.socketDirectory}:${other.port} leads to another server than the one of this data directory (process ${scene.standby.postmasterPid()}).\n` +
        'HINT:  node.conninfo says how to connect.\n',
    );
    expect(stdout).toMatch(/^promoted to timeline 2 at [0-9A-F/]+ after [0-9.]+ s; is open\n/);
    expect(code).toBe(0);
    expect(await other.value<boolean>('select pg_is_in_recovery()')).toBe(true);
    await waitFor('the archive', () => existsSync(join(dr, '00000002.history')));
    await expectPrimary(scene, rows);
  });
});

describe('an archive_command that fails after the promotion', limits, () => {
  const history = '00000002.history';
  const warned = (archive: string): RegExp =>
    new RegExp(
      '^triggerStandby: WARNING: {2}archive_command has not succeeded for 00000002.history, although it is in ' +
        `${archive}: archiving does not go on\nDETAIL: {2}The archiver's last failure: 00000002.history at .*\\.\n` +
        "HINT: {2}The server's log has archiveWALFile's own message. PostgreSQL keeps the WAL and tries again. A destination that is gone: twowarm destination suspend NAME\n$",
    );

  it('is told of where the own archive has the history file of another promotion', async () => {
    await using sandbox = makeSandbox('another');
    const scene = await makeScene(sandbox, findPostgres(15));
    const own = sandbox.directory('own');
    scene.configure(`[archive]\ndirectory = '${own}'\n[restore]\nsources = ['file:${scene.archive}']\n`);
    await scene.standby.start();
    await waitForRows(scene.standby, await loseThePrimary(scene));
    sandbox.file(`own/${history}`, '1\t0/2000000\tno recovery target specified\n');
    const { stdout, stderr } = await scene.trigger('--json');
    expect(stderr).toMatch(warned(own));
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'promoted', archiving: 'not yet' });
  });
});

describe('a call that was killed', limits, () => {
  it('leaves no trigger file of pg_standby once another one has found the server open', async () => {
    await using sandbox = makeSandbox('left');
    const trigger = join(sandbox.path, 'its own trigger');
    const restore = ({ archive }: { archive: string }): string =>
      `"${program('pg_standby')}" -s1 -t "${trigger}" "${archive}" %f %p %r`;
    const scene = await makeScene(sandbox, findPostgres(15), {
      mode: 'recovery',
      restore,
      extra: { recovery_prefetch: 'off' },
    });
    await scene.standby.start({ wait: false });
    await waitForRows(scene.standby, await shipRows(scene.primary, 10));
    const call = scene.startTrigger();
    await waitFor('the trigger file', () => existsSync(trigger));
    call.kill('SIGKILL');
    await call.result;
    await waitUntilOpen(scene.standby);
    expect((await scene.trigger()).code).toBe(0);
    expect(existsSync(trigger)).toBe(false);
  });
});

describe('a restore_command that fails', limits, () => {
  it.each(turnOf(['smart', 'fast'], 2))(
    'is not the silent end of what the archive holds: %s',
    async (wish) => {
      await using sandbox = makeSandbox(`left-${wish}`);
      const broken = join(sandbox.path, 'broken');
      const restore = ({ archive }: { archive: string }): string =>
        `[ ! -e '${broken}' ] && cp '${archive}'/%f %p`;
      const scene = await makeScene(sandbox, findPostgres(15), { restore });
      await scene.standby.start();
      await waitForRows(scene.standby, await shipRows(scene.primary, 10));
      sandbox.file('broken', '');
      await loseThePrimary(scene);
      const { code, stdout, stderr } = await scene.trigger(wish);
      expect(code).toBe(0);
      const lsn = /^promoted to timeline 2 at 0\/([0-9A-F]+)000000 after/.exec(stdout)?.[1];
      const first = `0000000100000000000000${lsn!.padStart(2, '0')}`;
      expect(stderr).toMatch(
        new RegExp(
          `^triggerStandby: WARNING: {2}file:${scene.archive} holds WAL of timeline 1 that was not replayed: from ${first} on, segments: [12]\n` +
            'DETAIL: {2}What was committed in them is missing on this server\\.\n' +
            "HINT: {2}The server's log says why restore_command did not deliver them\\. Keep them: they are the only copy\\. In quarantine: [12] \\(twowarm conflicts list\\)\\.\n$",
        ),
      );
    },
  );

  it('is not the silent end of what lies compressed in the archive, which cp does not see', async () => {
    await using sandbox = makeSandbox('left-compressed');
    const restore = ({ archive }: { archive: string }): string => `cp '${archive}'/%f %p`;
    const scene = await makeScene(sandbox, findPostgres(15), { restore });
    await scene.standby.start();
    await waitForRows(scene.standby, await shipRows(scene.primary, 10));
    giveHome(scene.primary, `${destination(scene.archive)}compression = 'zstd'\n`);
    await loseThePrimary(scene);
    const { code, stderr } = await scene.trigger('smart');
    expect(code).toBe(0);
    expect(stderr).toMatch(
      new RegExp(
        `^triggerStandby: WARNING: {2}file:${scene.archive} holds WAL of timeline 1 that was not replayed: from [0-9A-F]{24} on, segments: [12]\n`,
      ),
    );
  });
});
