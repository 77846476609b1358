// A promotion that does not come to its end at once: what is said, what stays, and that the next call goes on from there.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { inTurn } from '../harness/share.ts';
import { waitFor } from '../harness/wait-for.ts';
import { waitForRows } from '../server/pair.ts';
import {
  expectPrimary,
  expectPromoted,
  hangingRestore,
  loseThePrimary,
  makeScene,
  type Scene,
} from './scene.ts';

interface Held extends Scene {
  rows: number;
  release(): void;
}

/** A standby with all rows whose restore_command hangs: a promotion does not end before `release`. */
async function heldStandby(sandbox: Sandbox, major = 14, extra = {}): Promise<Held> {
  const scene = await makeScene(sandbox, findPostgres(major), { restore: hangingRestore, extra });
  const hold = sandbox.file('hold', '');
  await scene.standby.start();
  const rows = await loseThePrimary(scene);
  await waitForRows(scene.standby, rows);
  return { ...scene, rows, release: () => rmSync(hold) };
}

const promoteFile = ({ standby }: Scene): string => join(standby.dataDirectory, 'promote');
/** The call has asked the server, which does not look. */
const untilAsked = (scene: Scene) => waitFor('the request', () => existsSync(promoteFile(scene)));
const remaining = (scene: Scene): string =>
  `DETAIL:  The promotion goes on by itself: the trigger file ${scene.triggerFile} and the request to the server remain.\n` +
  'HINT:  Run triggerStandby again to wait for it and to tidy up.\n';

describe('triggerStandby', { concurrent: true, timeout: 120_000 }, () => {
  const its = inTurn(2);
  its.each([10, 14])(
    'says after its timeout how things stand, PostgreSQL %i, and goes on when called again',
    async (major) => {
      await using sandbox = makeSandbox(`timeout-${major}`);
      const scene = await heldStandby(sandbox, major);
      const { code, stdout, stderr } = await scene.trigger('--timeout', '1s');
      expect({ code, stdout }).toEqual({ code: 27, stdout: '' });
      const [first, ...rest] = stderr.split('\n');
      expect(first).toMatch(
        /^triggerStandby: ERROR: {2}the server does not accept writes after 1s: replay stands at 0\/[0-9A-F]+ and waits for its restore_command to come back$/,
      );
      expect(rest.join('\n')).toBe(remaining(scene));
      expect(readFileSync(scene.triggerFile, 'utf8')).toBe('smart\n');
      const again = scene.startTrigger('fast');
      await waitFor('smart to become fast', () => readFileSync(scene.triggerFile, 'utf8') === 'fast\n');
      scene.release();
      expectPromoted(await again.result, scene.archive);
      await expectPrimary(scene, scene.rows);
    },
  );

  it('tidies up when the promotion has come to its end without it', async () => {
    await using sandbox = makeSandbox('later');
    const scene = await heldStandby(sandbox);
    await scene.trigger('--timeout', '500ms');
    scene.release();
    await waitFor(
      'the end of recovery',
      async () => !(await scene.standby.value<boolean>('select pg_is_in_recovery()')),
    );
    const { code, stdout, stderr } = await scene.trigger();
    const nothing = 'the server is a primary already, on timeline 2; nothing to do\n';
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: nothing, stderr: '' });
    await waitFor('the archive', () => existsSync(join(scene.archive, '00000002.history')));
    await waitFor('the other one', () => existsSync(join(scene.path('dr'), '00000002.history')));
    await expectPrimary(scene, scene.rows);
  });

  its.each(['SIGTERM', 'SIGINT'] as const)(
    'dies of %s, says what stays, and the promotion goes on',
    async (signal) => {
      await using sandbox = makeSandbox(signal);
      const scene = await heldStandby(sandbox);
      const call = scene.startTrigger();
      await untilAsked(scene);
      call.kill(signal);
      const { code, signal: diedOf, stdout, stderr } = await call.result;
      const message = 'triggerStandby: WARNING:  interrupted while the server is being promoted\n';
      expect({ code, diedOf, stdout, stderr }).toEqual({
        code: null,
        diedOf: signal,
        stdout: '',
        stderr: `${message}${remaining(scene)}`,
      });
      expect(existsSync(join(scene.home, 'state/trigger.lock'))).toBe(false);
      scene.release();
      await waitFor(
        'the end of recovery',
        async () => !(await scene.standby.value<boolean>('select pg_is_in_recovery()')),
      );
      expect((await scene.trigger()).code).toBe(0);
      expect(existsSync(scene.triggerFile)).toBe(false);
    },
  );

  it('killed outright is followed by one that goes on', async () => {
    await using sandbox = makeSandbox('killed');
    const scene = await heldStandby(sandbox);
    const call = scene.startTrigger();
    await untilAsked(scene);
    call.kill('SIGKILL');
    await call.result;
    const again = scene.startTrigger();
    scene.release();
    expect((await again.result).code).toBe(0);
    await expectPrimary(scene, scene.rows);
  });

  it('is refused while another one is at work', async () => {
    await using sandbox = makeSandbox('two');
    const scene = await heldStandby(sandbox);
    const first = scene.startTrigger();
    await untilAsked(scene);
    const second = await scene.trigger();
    expect(second.code).toBe(53);
    expect(second.stderr).toMatch(
      /^triggerStandby: ERROR: {2}another triggerStandby is at work: process \d+\nHINT: /,
    );
    scene.release();
    expectPromoted(await first.result, scene.archive);
    await expectPrimary(scene, scene.rows);
  });

  it('notices the death of the server, and shows the end of its log', async () => {
    await using sandbox = makeSandbox('death');
    const scene = await heldStandby(sandbox, 14, {
      logging_collector: true,
      log_directory: 'log',
      log_filename: 'server.log',
    });
    const call = scene.startTrigger();
    await untilAsked(scene);
    process.kill(scene.standby.postmasterPid()!, 'SIGQUIT');
    const { code, stdout, stderr } = await call.result;
    expect({ code, stdout }).toEqual({ code: 54, stdout: '' });
    const log = join(scene.standby.dataDirectory, 'log/server.log');
    const [first, detail, ...rest] = stderr.split('\n');
    expect(first).toBe('triggerStandby: ERROR:  the server ended while it was being promoted');
    expect(detail!.startsWith(`DETAIL:  The end of its log ${log}: `)).toBe(true);
    expect(detail).toContain('received immediate shutdown request');
    expect(rest.join('\n')).toBe(
      'HINT:  Look into its log for the reason, start it, then run triggerStandby again. What was replayed is kept.\n',
    );
    scene.release();
    await waitFor('the end of the server', async () => !(await scene.standby.isRunning()));
    await scene.standby.start();
    await waitForRows(scene.standby, scene.rows);
    expectPromoted(await scene.trigger(), scene.archive);
    await expectPrimary(scene, scene.rows);
  });

  it('does not mind that somebody else promotes the server meanwhile', async () => {
    await using sandbox = makeSandbox('others');
    const scene = await heldStandby(sandbox);
    const call = scene.startTrigger();
    await untilAsked(scene);
    const other = scene.standby.promote();
    scene.release();
    await other;
    expectPromoted(await call.result, scene.archive);
    await expectPrimary(scene, scene.rows);
  });
});
