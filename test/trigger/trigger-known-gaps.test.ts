// A gap that was made on purpose is the end of what a standby can replay: whoever triggers is told before it is done.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { program } from '../harness/installation.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { run } from '../harness/run.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { waitFor } from '../harness/wait-for.ts';
import { commitRows, shipRows, waitForRows } from '../server/pair.ts';
import { expectPrimary, makeScene, type Scene } from './scene.ts';

const limits = { concurrent: true, timeout: 120_000 };

/** The next segment of the primary is given up on purpose; its name. */
async function discardSegment({ primary, archive }: Scene): Promise<string> {
  const words = ['archiving', 'discard', '-D', primary.dataDirectory];
  expect(await run(program('twowarm'), words)).toMatchObject({ code: 0 });
  await commitRows(primary, 10);
  const name = await primary.finishSegment();
  await waitFor('the gap record', () => existsSync(join(archive, '.twowarm/gaps', name)));
  return name;
}

describe('a known gap right behind what was replayed', limits, () => {
  it('is told of in a dry run and before the promotion, which ends there', async () => {
    await using sandbox = makeSandbox('known-gap');
    const scene = await makeScene(sandbox, findPostgres(15));
    await scene.standby.start();
    const rows = await shipRows(scene.primary, 100);
    await waitForRows(scene.standby, rows);
    expect((await scene.trigger('--dry-run')).stderr).toBe('');
    const first = await discardSegment(scene);
    const second = await discardSegment(scene);
    await scene.primary.stop('immediate');
    const warning = (smart: string): RegExp =>
      new RegExp(
        `^triggerStandby: WARNING: {2}the WAL of the sources ends before ${first}, which was discarded by \\S+ at \\S+Z\\n` +
          `DETAIL: {2}${smart}What was committed from there on will be missing: 2 segments, up to ${second}, were given up on purpose\\.\\n` +
          'HINT: {2}Is there another copy of it, in pg_wal of the old primary\\? Then bring it here first\\.\\n$',
      );
    const smart = 'Smart replays all before it, and promotes there\\. ';
    expect((await scene.trigger('--dry-run')).stderr).toMatch(warning(smart));
    expect((await scene.trigger('fast', '--dry-run')).stderr).toMatch(warning(''));
    const { code, stderr } = await scene.trigger();
    expect(code).toBe(0);
    expect(stderr).toMatch(warning(smart));
    await expectPrimary(scene, rows);
  });
});
