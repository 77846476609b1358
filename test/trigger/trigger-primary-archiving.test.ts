// A primary that other means than triggerStandby have promoted: whether it archives is told all the same.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { waitFor } from '../harness/wait-for.ts';
import { shipRows, waitForRows, waitUntilOpen } from '../server/pair.ts';
import { makeScene } from './scene.ts';

const limits = { concurrent: true, timeout: 120_000 };

describe('a node without a destination that pg_ctl has promoted', limits, () => {
  it('is told that archiving does not work, and the cure', async () => {
    await using sandbox = makeSandbox('no-place');
    const scene = await makeScene(sandbox, findPostgres(15));
    const conninfo = `conninfo = '${scene.standby.conninfo}'\n`;
    const toml = `[node]\ndata_directory = '${scene.standby.dataDirectory}'\n${conninfo}`;
    const file = sandbox.file('standby/twowarm/twowarm.toml', toml);
    await scene.standby.start();
    await waitForRows(scene.standby, await shipRows(scene.primary, 10));
    await scene.primary.stop('fast');
    await scene.standby.query('select pg_promote()');
    await waitUntilOpen(scene.standby);
    const stderr =
      'triggerStandby: WARNING:  archiving does not work: no destination is configured, and this node was not promoted by triggerStandby\n' +
      'DETAIL:  archive_command fails, and pg_wal grows. Only a promotion by triggerStandby begins the own archive of a node.\n' +
      `HINT:  Add a destination to ${file}; [destination.own] with url = 'file:${scene.archive}' is this node's own archive.\n`;
    const stdout = 'the server is a primary already, on timeline 2, but archiving does not work\n';
    for (const words of [[], ['--dry-run']])
      expect(await scene.trigger(...words)).toMatchObject({ code: 0, stdout, stderr });
    const json = await scene.trigger('--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ outcome: 'primary already', archiving: 'fails' });

    sandbox.file('standby/twowarm/twowarm.toml', `${toml}[destination.own]\nurl = 'file:${scene.archive}'\n`);
    await scene.standby.query('select pg_switch_wal()');
    await waitFor('the archive', () => existsSync(join(scene.archive, '00000002.history')));
    const cured = 'the server is a primary already, on timeline 2; nothing to do\n';
    await waitFor('the archiver to succeed', async () => (await scene.trigger()).stdout === cured, {
      limitMs: 90_000,
    });
  });
});
