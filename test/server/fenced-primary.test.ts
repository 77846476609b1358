// Real servers: a standby is promoted with triggerStandby while its primary is alive, and the primary goes on. From then on
// nothing of it gets into an archive that the new primary has claimed; both say so.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Cluster } from '../harness/cluster.ts';
import { program } from '../harness/installation.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { run } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { waitFor } from '../harness/wait-for.ts';
import { asPostgres, expectPromoted, loseThePrimary, makeScene } from '../trigger/scene.ts';
import {
  archiveOf,
  commitRows,
  expectRows,
  giveHome,
  makeArchive,
  makeStandby,
  shipRows,
  startPrimary,
  waitForRows,
} from './pair.ts';
import { majorsOf, turnOf } from '../harness/share.ts';

const limits = { timeout: 120_000 };

const segmentsOf = (directory: string, timeline: number): string[] =>
  readdirSync(directory)
    .filter((name) => /^[0-9A-F]{24}$/.test(name) && Number.parseInt(name.slice(0, 8), 16) === timeline)
    .sort();

const failures = (cluster: Cluster): Promise<number> =>
  cluster.value<number>('select failed_count::int from pg_stat_archiver');

const ownerOf = (directory: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(directory, '.twowarm/owner'), 'utf8')) as Record<string, unknown>;

describe.each(turnOf(majorsOf([10, 15, 18]), 2))('with PostgreSQL %i', limits, (major) => {
  it('an old primary that goes on is fenced at once, and when it comes back', async () => {
    await using sandbox = makeSandbox(`fenced-${major}`);
    const scene = await makeScene(sandbox, findPostgres(major));
    const { primary, standby, archive } = scene;
    await standby.start();
    const rows = await shipRows(primary, 1000);
    await waitForRows(standby, rows);
    expectPromoted(await scene.trigger(), archive);
    expect(ownerOf(archive)).toMatchObject({ timeline: 2, epoch: 1 });
    expect(ownerOf(scene.path('dr'))).toMatchObject({ timeline: 2, epoch: 1 });
    const before = segmentsOf(archive, 1);
    // It knows nothing of all that.
    await commitRows(primary, 10);
    const lost = await primary.finishSegment();
    await waitFor('the archiver of the old primary to fail', async () => (await failures(primary)) > 0);
    expect(primary.log()).toContain(
      `ERROR:  cannot store ${lost} at file:${archive}: the archive belongs to another node\n`,
    );
    expect(primary.log()).toContain(
      `: it is a second one. If this one is a restored copy, set archive_mode = off in it. If this one is the primary: twowarm claim --take-over file:${archive}\n`,
    );
    await primary.stop('fast');
    await primary.start();
    const failed = await failures(primary);
    await commitRows(primary, 10);
    await primary.finishSegment();
    await waitFor('it to fail again', async () => (await failures(primary)) > failed);
    expect(segmentsOf(archive, 1)).toEqual(before);
    expect(existsSync(join(archive, lost))).toBe(false);
    // The new one archives, on its own timeline.
    await commitRows(standby, 10);
    await standby.waitUntilArchived(await standby.finishSegment());
    expect(segmentsOf(archive, 2).length).toBeGreaterThan(0);
    await expectRows(standby, rows + 10);
  });
});

describe('with PostgreSQL 15', limits, () => {
  it('what the old primary archived past the fork is in quarantine at the destination, too', async () => {
    await using sandbox = makeSandbox('past-fork');
    const scene = await makeScene(sandbox, findPostgres(15));
    const { primary, standby, archive } = scene;
    // Both archive to the DR node; the standby sees only what is in its own archive.
    giveHome(
      primary,
      `[destination.one]\nurl = 'file:${archive}'\n[destination.dr]\nurl = 'file:${scene.path('dr')}'\n`,
    );
    await standby.start();
    const rows = await shipRows(primary, 1000);
    await waitForRows(standby, rows);
    giveHome(primary, `[destination.dr]\nurl = 'file:${scene.path('dr')}'\n`);
    await loseThePrimary(scene, 10);
    const inDr = segmentsOf(scene.path('dr'), 1);
    // Somebody has more than the sources: only one who says so loses it.
    expect((await scene.trigger()).code).toBe(55);
    const result = await scene.trigger('fast');
    const fork = /^promoted to timeline 2 at (\S+) /.exec(result.stdout)?.[1];
    expect(fork, result.stderr).toBeDefined();
    const room = join(scene.path('dr'), '.twowarm/quarantine/00000002-1');
    const why = JSON.parse(readFileSync(join(room, 'why.json'), 'utf8')) as object;
    expect(why).toMatchObject({ ancestors: [{ timeline: 1, to: fork }] });
    const aside = readdirSync(room).filter((name) => name !== 'why.json');
    expect(aside.length).toBeGreaterThan(0);
    expect([...segmentsOf(scene.path('dr'), 1), ...aside].sort()).toEqual(inDr);
    expect(segmentsOf(archive, 1).filter((name) => aside.includes(name))).toEqual([]);
  });

  it('a promotion that could not be asked for gives the archives back', async () => {
    await using sandbox = makeSandbox('given-back');
    const scene = await makeScene(sandbox, findPostgres(15));
    const { primary, standby, archive, triggerFile } = scene;
    await standby.start();
    await waitForRows(standby, await shipRows(primary, 10));
    // The own archive cannot be claimed, and by then the destination is.
    const damaged = sandbox.file('standby/twowarm/archive/.twowarm/epochs/1', '');
    const result = await scene.trigger();
    expect(result).toMatchObject({
      code: 25,
      stdout: '',
      stderr: `triggerStandby: ERROR:  ${damaged} is damaged or of an unknown version\n`,
    });
    expect(await standby.value<boolean>('select pg_is_in_recovery()')).toBe(true);
    expect(existsSync(triggerFile)).toBe(false);
    const dr = scene.path('dr');
    expect(readdirSync(join(dr, '.twowarm/epochs')).sort()).toEqual(['1', '2']);
    expect(Object.keys(ownerOf(dr))).toEqual(['archive', 'system_identifier', 'change']);
    expect(Object.keys(ownerOf(archive))).toEqual(['archive', 'system_identifier']);
    await waitForRows(standby, await shipRows(primary, 10));
  });

  it('a restored test copy that is promoted stores nothing, and the primary goes on', async () => {
    await using sandbox = makeSandbox('test-copy');
    const primary = await startPrimary(sandbox, { postgres: findPostgres(15) });
    makeArchive(sandbox, 'primary');
    const claimed = await run(program('twowarm'), ['claim', '-D', primary.dataDirectory]);
    expect(claimed, claimed.stderr).toMatchObject({ code: 0 });
    const archive = archiveOf(sandbox);
    await shipRows(primary, 10);
    // The configuration comes with the copy, and with it archive_command and its destination.
    const copy = await makeStandby(primary, {
      name: 'copy',
      mode: 'recovery',
      toml: `${destinationOf(archive)}[restore]\nsources = ['file:${archive}']\n`,
    });
    const before = readdirSync(archive).sort();
    await copy.start();
    await waitFor('the copy to be refused', async () => (await failures(copy)) > 0, { limitMs: 60_000 });
    expect(copy.log()).toContain(
      `00000002.history at file:${archive}: the archive belongs to another node\n`,
    );
    expect(readdirSync(archive).sort()).toEqual(before);
    await shipRows(primary, 10);
  });

  it('of two triggers on two standbys with one arbiter one promotes', async () => {
    await using sandbox = makeSandbox('arbiter');
    const primary = await startPrimary(sandbox, { postgres: findPostgres(15) });
    const arbiter = sandbox.directory('arbiter');
    const toml = await standbysToml(sandbox, arbiter);
    const rows = await shipRows(primary, 100);
    const standbys = await Promise.all(
      ['standby', 'second'].map((name) => makeStandby(primary, { name, toml })),
    );
    for (const standby of standbys) {
      makeArchive(sandbox, standby.name);
      giveHome(standby, `${asPostgres(standby)}${toml}`);
      await standby.start();
    }
    await Promise.all(standbys.map((standby) => waitForRows(standby, rows)));
    await primary.stop('fast');
    const results = await Promise.all(
      standbys.map(({ dataDirectory }) => run(program('triggerStandby'), ['-D', dataDirectory])),
    );
    const winner = results.findIndex(({ code }) => code === 0);
    const [won, lost] = [results[winner], results[1 - winner]];
    expect(won?.stdout).toMatch(/^promoted to timeline 2 at /);
    const reservation = JSON.parse(
      readFileSync(join(arbiter, '.twowarm/timeline/00000002'), 'utf8'),
    ) as Record<string, string>;
    expect(lost).toMatchObject({ code: 41, stdout: '' });
    expect(lost!.stderr).toContain(
      `triggerStandby: ERROR:  timeline 2 is reserved by another node, ${reservation['node_name']}, at file:${arbiter}\n` +
        `DETAIL:  Node ${reservation['node_name']} (${reservation['node']}) reserved it at ${reservation['at']}: it is being promoted, or was. Nothing was changed.\n`,
    );
    expect(await standbys[1 - winner]!.value<boolean>('select pg_is_in_recovery()')).toBe(true);
    expect(await standbys[winner]!.value<boolean>('select pg_is_in_recovery()')).toBe(false);
    // Again on the winner, after the fact: nothing new.
    const again = await run(program('triggerStandby'), ['-D', standbys[winner]!.dataDirectory]);
    expect(again).toMatchObject({ code: 0, stderr: '' });
  });
});

const destinationOf = (directory: string): string => `[destination.one]\nurl = 'file:${directory}'\n`;

/** Both standbys read the first one's archive, and reserve at the arbiter. */
async function standbysToml(sandbox: Sandbox, arbiter: string): Promise<string> {
  return `[restore]\nsources = ['file:${archiveOf(sandbox)}']\n[cluster]\narbiter = 'file:${arbiter}'\n`;
}
