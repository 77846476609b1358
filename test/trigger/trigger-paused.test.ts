// triggerStandby where somebody has paused the replay, and WAL has arrived since. From PostgreSQL 14 on a pause takes effect
// right after a look that has found nothing, and a server that is promoted in there does not look again. Its startup process
// is held still at that place: what it does next is then not a matter of time.
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findPostgres } from '../harness/postgres-binaries.ts';
import type { RunResult } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { majorsOf } from '../harness/share.ts';
import { waitFor } from '../harness/wait-for.ts';
import { giveHome, segmentsIn, shipRows, waitForRows } from '../server/pair.ts';
import { expectPrimary, expectPromoted, loseThePrimary, makeScene, type Scene } from './scene.ts';

const limits = { concurrent: true, timeout: 120_000 };
const goesOn = 'triggerStandby: LOG:  replay was paused; it goes on\n';

const startup = "from pg_stat_activity where backend_type = 'startup'";

/** A standby that has replayed all there was, and was paused then; `role` may log in there, and nothing more. */
async function pausedScene(sandbox: Sandbox, major: number, role?: string): Promise<Scene> {
  // Where restore_command waits, the pause only comes with the next segment.
  const scene = await makeScene(sandbox, findPostgres(major), { toml: "[restore]\nwait = 'off'\n" });
  if (role !== undefined) await scene.primary.query(`create role ${role} login`);
  await scene.standby.start();
  await waitForRows(scene.standby, await shipRows(scene.primary, 10));
  await scene.standby.query('select pg_wal_replay_pause()');
  return scene;
}

/** From 14 on: has it paused where it has just looked for the next segment, which is not there. */
async function waitUntilPaused({ standby }: Scene): Promise<number> {
  await waitFor(
    'the pause',
    async () => (await standby.value(`select wait_event ${startup}`)) === 'RecoveryPause',
  );
  return standby.value<number>(`select pid ${startup}`);
}

/** Whether the postmaster has signalled it to promote (SIGUSR2), which a process that is held still has yet to see. */
const isTold = (pid: number): boolean => {
  const pending = /^ShdPnd:\s*(\S+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (BigInt(`0x${pending}`) & (1n << BigInt(constants.signals.SIGUSR2 - 1))) !== 0n;
};

const askedForPromotion = ({ standby }: Scene): boolean => existsSync(join(standby.dataDirectory, 'promote'));

/** Triggers while the startup process is held still: until that was resumed, and something was asked after it. */
async function triggerHeld(scene: Scene, pid: number): Promise<{ tooEarly: boolean; result: RunResult }> {
  const sql =
    "select pg_get_wal_replay_pause_state() = 'not paused' and exists (select from pg_stat_activity where application_name = 'triggerStandby' and state = 'idle' and query !~ 'replay_paused|resume')";
  const held = async (): Promise<boolean> => {
    await waitFor('the replay to be resumed', () => scene.standby.value<boolean>(sql));
    return askedForPromotion(scene);
  };
  process.kill(pid, 'SIGSTOP');
  const trigger = scene.startTrigger();
  const tooEarly = await held().finally(() => process.kill(pid, 'SIGCONT'));
  return { tooEarly, result: await trigger.result };
}

describe.each(majorsOf([10, 11, 12, 13]))('PostgreSQL %i with a paused replay', limits, (major) => {
  it('replays what is there and is promoted', async () => {
    await using sandbox = makeSandbox(`paused-${major}`);
    const scene = await pausedScene(sandbox, major);
    const rows = await loseThePrimary(scene);
    const result = await scene.trigger();
    expect(result.stderr).toBe(goesOn);
    expectPromoted({ ...result, stderr: '' }, scene.archive);
    await expectPrimary(scene, rows);
  });
});

describe.each(majorsOf([14, 15, 16, 17, 18]))('PostgreSQL %i with a paused replay', limits, (major) => {
  it('is resumed and seen to go on before it is promoted: what has arrived during the pause is replayed', async () => {
    await using sandbox = makeSandbox(`paused-${major}`);
    const scene = await pausedScene(sandbox, major);
    const pid = await waitUntilPaused(scene);
    await shipRows(scene.primary, 100);
    const rows = await loseThePrimary(scene);
    const { stdout } = await scene.trigger('--dry-run');
    expect(stdout).toContain(
      'would resume the replay, which is paused\nwould write "smart" into the trigger file',
    );
    const { tooEarly, result } = await triggerHeld(scene, pid);
    expect(tooEarly).toBe(false);
    expect(result.stderr).toBe(goesOn);
    expectPromoted({ ...result, stderr: '' }, scene.archive);
    await expectPrimary(scene, rows);
  });
});

describe('PostgreSQL 15 with a paused replay', limits, () => {
  it('is not promoted by smart where the replay cannot be resumed, and nothing has changed', async () => {
    await using sandbox = makeSandbox('paused-refused');
    const scene = await pausedScene(sandbox, 15, 'clerk');
    await waitUntilPaused(scene);
    await loseThePrimary(scene);
    const conninfo = scene.standby.conninfo.replace('user=postgres', 'user=clerk');
    giveHome(scene.standby, `conninfo = '${conninfo}'\n[destination.dr]\nurl = 'file:${scene.path('dr')}'\n`);
    expect(await scene.trigger()).toMatchObject({
      code: 56,
      stdout: '',
      stderr:
        'triggerStandby: ERROR:  will not promote: replay is paused and could not be resumed\n' +
        'DETAIL:  permission denied for function pg_wal_replay_resume. A promotion would leave behind what has arrived during the pause.\n' +
        'HINT:  As a superuser: select pg_wal_replay_resume(); then run triggerStandby again.\n',
    });
    expect(await scene.standby.value('select pg_get_wal_replay_pause_state()')).toBe('paused');
    expect([scene.triggerFile, join(scene.standby.dataDirectory, 'promote')].filter(existsSync)).toEqual([]);
  });

  it('that is not seen to go on is promoted with a warning, and what was left behind is told exactly', async () => {
    await using sandbox = makeSandbox('paused-stuck');
    const scene = await pausedScene(sandbox, 15);
    const pid = await waitUntilPaused(scene);
    await loseThePrimary(scene);
    const arrived = segmentsIn(sandbox).at(-1);
    process.kill(pid, 'SIGSTOP');
    const trigger = scene.startTrigger();
    const asked = waitFor('the promotion to be asked for', () => isTold(pid));
    await asked.finally(() => process.kill(pid, 'SIGCONT'));
    const { code, stderr } = await trigger.result;
    expect(code).toBe(0);
    expect(stderr).toBe(
      goesOn +
        'triggerStandby: WARNING:  replay was resumed, and has not been seen to go on within 5s\n' +
        'DETAIL:  The promotion may come before PostgreSQL has looked for what has arrived during the pause.\n' +
        `triggerStandby: WARNING:  file:${scene.archive} holds WAL of timeline 1 that was not replayed: from ${arrived} on, segments: 1\n` +
        'DETAIL:  What was committed in them is missing on this server.\n' +
        'HINT:  Keep them: they are the only copy. In quarantine: 1 (twowarm conflicts list).\n',
    );
  });
});
