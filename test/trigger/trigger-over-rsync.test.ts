// A destination that no promotion can claim, because rsync cannot do so exclusively: the promotion goes on, says so and how to
// claim it, and the promoted server archives there too.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { startRsyncd } from '../harness/rsyncd.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { waitFor } from '../harness/wait-for.ts';
import { expectPrimary, loseThePrimary, makeScene } from './scene.ts';

it('triggerStandby promotes beside a destination over rsync', { timeout: 120_000 }, async () => {
  await using sandbox = makeSandbox('trigger-rsync');
  const scene = await makeScene(sandbox, findPostgres(15));
  const far = sandbox.directory('far');
  await using daemon = await startRsyncd(sandbox, { modules: { far: [`path = ${far}`] } });
  const url = `${daemon.url}/far`;
  scene.configure(`[destination.far]\nurl = '${url}'\naccept = ['not-exclusive', 'not-durable']\n`);
  const rows = await loseThePrimary(scene);
  await scene.standby.start();
  const { code, stdout, stderr } = await scene.trigger();
  expect(stderr).toBe(
    `triggerStandby: WARNING:  could not claim the destination far: cannot claim ${url}: of two nodes that do so at once over rsync, both would succeed\n` +
      'DETAIL:  The old primary may archive there until this node claims it.\n' +
      'HINT:  Name the same directory by another road: on its machine as file:, from here as ssh:, which needs twowarm there.\n',
  );
  expect({ code, isPromoted: stdout.startsWith('promoted to timeline 2 at ') }).toEqual({
    code: 0,
    isPromoted: true,
  });
  await expectPrimary(scene, rows);
  await waitFor('the history over there', () => existsSync(join(far, '00000002.history')));
});
