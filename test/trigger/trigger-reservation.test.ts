// The reservation that triggerStandby makes at the arbiter: by whom it is refused, when it is taken up again, and what
// happens where nobody can be asked.
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDestination } from '../../src/transport/open.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { waitForRows } from '../server/pair.ts';
import { makeNode, neverStopped } from '../transport/archives.ts';
import { expectPrimary, loseThePrimary, makeScene, type Scene } from './scene.ts';

const limits = { timeout: 120_000 };

interface WithArbiter extends Scene {
  arbiter: string;
  rows: number;
  reservation: (timeline: number) => string;
}

/** A standby that has all there is, and an arbiter that is there. */
async function withArbiter(sandbox: Sandbox): Promise<WithArbiter> {
  const scene = await makeScene(sandbox, findPostgres(15));
  const arbiter = sandbox.directory('arbiter');
  scene.configure(`[cluster]\narbiter = 'file:${arbiter}'\n`);
  await scene.standby.start();
  const rows = await loseThePrimary(scene);
  await waitForRows(scene.standby, rows);
  const reservation = (timeline: number): string => join(arbiter, `.twowarm/timeline/0000000${timeline}`);
  return { ...scene, arbiter, rows, reservation };
}

const idOf = ({ home }: Scene): string =>
  (JSON.parse(readFileSync(join(home, 'state/node.json'), 'utf8')) as { id: string }).id;

const isStandby = ({ standby }: Scene): Promise<boolean> =>
  standby.value<boolean>('select pg_is_in_recovery()');

describe('a promotion with an arbiter', limits, () => {
  it('reserves its timeline there, and a dry run only says so', async () => {
    await using sandbox = makeSandbox('reserved');
    const scene = await withArbiter(sandbox);
    const dry = await scene.trigger('--dry-run');
    expect(dry.stdout.split('\n')[0]).toBe(`would reserve timeline 2 at file:${scene.arbiter}`);
    expect(existsSync(join(scene.arbiter, '.twowarm'))).toBe(false);
    const { stdout } = await scene.trigger('--json');
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'promoted',
      reservedAt: `file:${scene.arbiter}`,
      claims: [scene.archive, scene.path('dr')].map((path) => ({ url: `file:${path}`, epoch: 1 })),
    });
    const text = JSON.parse(readFileSync(scene.reservation(2), 'utf8')) as object;
    expect(text).toMatchObject({ timeline: 2, node: idOf(scene), epoch: 0 });
    await expectPrimary(scene, scene.rows);
  });

  it('claims all archives at one epoch, also where one of them has changed hands before', async () => {
    await using sandbox = makeSandbox('one-epoch');
    const scene = await withArbiter(sandbox);
    const systemIdentifier = await scene.standby.value(
      'select system_identifier::text from pg_control_system()',
    );
    for (const timeline of [1, 2, 3]) {
      const road = await openDestination(`file:${scene.path('dr')}`, makeNode(sandbox, systemIdentifier));
      await road.claim({ timeline, nodeName: 'db9', takeOver: true }, neverStopped);
    }
    const { stdout, stderr } = await scene.trigger('--json');
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'promoted',
      claims: [scene.archive, scene.path('dr')].map((path) => ({ url: `file:${path}`, epoch: 4 })),
    });
    // One change of hands each: nothing had to be raised.
    expect(readdirSync(join(scene.archive, '.twowarm/epochs'))).toEqual(['1']);
    await expectPrimary(scene, scene.rows);
  });

  it('is refused while another node has reserved the timeline, and nothing is changed', async () => {
    await using sandbox = makeSandbox('reserved');
    const scene = await withArbiter(sandbox);
    const holder = {
      timeline: 2,
      node: 'fedcba9876543210',
      node_name: 'db3',
      system_identifier: await scene.standby.value('select system_identifier::text from pg_control_system()'),
      at: '2026-01-31T12:00:00.000Z',
      epoch: 0,
    };
    sandbox.file('arbiter/.twowarm/timeline/00000002', JSON.stringify(holder));
    const stderr =
      `triggerStandby: ERROR:  timeline 2 is reserved by another node, db3, at file:${scene.arbiter}\n` +
      'DETAIL:  Node db3 (fedcba9876543210) reserved it at 2026-01-31T12:00:00.000Z: it is being promoted, or was. Nothing was changed.\n' +
      `HINT:  Two primaries would share the timeline. Only if db3 was never promoted and never will be, remove .twowarm/timeline/00000002 at file:${scene.arbiter}.\n`;
    for (const words of [['--dry-run'], [], ['fast', '--without-reservation']])
      expect(await scene.trigger(...words)).toMatchObject({ code: 41, stdout: '', stderr });
    expect(await isStandby(scene)).toBe(true);
    const owner = readFileSync(join(scene.archive, '.twowarm/owner'), 'utf8');
    expect(owner).not.toContain('node');
    // The same node's own is taken up again.
    writeFileSync(scene.reservation(2), JSON.stringify({ ...holder, node: idOf(scene) }));
    expect((await scene.trigger()).stdout).toMatch(/^promoted to timeline 2 at /);
  });

  it('is refused where the arbiter cannot be reached, unless it is told to go without', async () => {
    await using sandbox = makeSandbox('unreachable');
    const scene = await withArbiter(sandbox);
    renameSync(scene.arbiter, `${scene.arbiter}.away`);
    const message = `could not reserve timeline 2 at the arbiter file:${scene.arbiter}: the archive directory ${scene.arbiter} does not exist`;
    for (const words of [['--dry-run'], []])
      expect(await scene.trigger(...words)).toMatchObject({
        code: 42,
        stdout: '',
        stderr:
          `triggerStandby: ERROR:  ${message}\n` +
          'DETAIL:  Another standby may be being promoted to it at this moment. Nothing was changed.\n' +
          'HINT:  Make it reachable. Once you are sure that no other node is or will be promoted: triggerStandby --without-reservation\n',
      });
    expect(await isStandby(scene)).toBe(true);
    const result = await scene.trigger('--without-reservation');
    expect(result.stderr).toBe(
      `triggerStandby: WARNING:  ${message}\n` +
        'DETAIL:  Nothing keeps another standby from taking the same timeline.\n',
    );
    expect(result.stdout).toMatch(/^promoted to timeline 2 at /);
  });

  it('says so exactly when the server takes another timeline than the reserved one', async () => {
    await using sandbox = makeSandbox('other-timeline');
    const scene = await withArbiter(sandbox);
    // A history that restore_command finds once the promotion is asked for, and that restore.sources do not show.
    const hidden = sandbox.file('hidden/00000002.history', '1\t0/2000000\tno recovery target specified\n');
    await scene.standby.query(
      `alter system set restore_command = 'test %f = 00000002.history && test -e "${scene.triggerFile}" && cp "${hidden}" "%p"'`,
    );
    await scene.standby.reload();
    const result = await scene.trigger('fast');
    expect(result.stdout).toMatch(/^promoted to timeline 3 at /);
    expect(result.stderr).toContain(
      'triggerStandby: WARNING:  the server took timeline 3, but timeline 2 was reserved for it\n' +
        'DETAIL:  The history files that its restore_command found were not those in pg_wal and at restore.sources. Timeline 3 is reserved for this node now, too.\n' +
        'HINT:  See to it that no other node is on timeline 3.\n',
    );
    expect(JSON.parse(readFileSync(scene.reservation(3), 'utf8'))).toMatchObject({ node: idOf(scene) });
    const owner = JSON.parse(readFileSync(join(scene.archive, '.twowarm/owner'), 'utf8')) as object;
    expect(owner).toMatchObject({ timeline: 3, epoch: 2, node: idOf(scene) });
  });
});
