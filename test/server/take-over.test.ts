// The old primary takes over again from a standby that was promoted, on real servers: a new standby made from it follows it
// and nobody else, although it looks for the newest timeline, and no archive has a hole.
import { copyFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { program } from '../harness/installation.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { run } from '../harness/run.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { giveToServerUser } from '../harness/server-user.ts';
import { noPrefetch } from '../harness/standby.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  archiveOf,
  commitRows,
  destination,
  expectRows,
  giveHome,
  makeArchive,
  makeStandby,
  segmentsIn,
  shipRows,
  startPrimary,
  waitForRows,
  waitUntilOpen,
} from './pair.ts';
import { majorsOf, turnOf } from '../harness/share.ts';

const words = (name: string, ...more: string[]) => run(program(name), more);

describe.each(turnOf(majorsOf([10, 15, 18]), 2))('PostgreSQL %i', { timeout: 240_000 }, (major) => {
  it('an old primary that takes over again is followed, and its archives have no hole', async () => {
    await using sandbox = makeSandbox(`take-over${major}`);
    const primary = await startPrimary(sandbox, { postgres: findPostgres(major) });
    const dr = makeArchive(sandbox, 'dr');
    // What the standby is told; what else is archived it does not know when it is promoted.
    const early = sandbox.directory('early');
    const sources = `[restore]\nsources = ['file:${early}']\n`;
    const standby = await makeStandby(primary, {
      toml: `${sources}[destination.dr]\nurl = 'file:${dr}'\n`,
      extra: { ...noPrefetch(major), archive_command: '/bin/false' },
    });
    await shipRows(primary, 100);
    for (const name of segmentsIn(sandbox)) copyFileSync(join(archiveOf(sandbox), name), join(early, name));
    for (const name of readdirSync(early)) giveToServerUser(join(early, name));
    await standby.start();
    await waitForRows(standby, 100);
    const relayed = await words('rsyncDR', '-D', standby.dataDirectory);
    expect(relayed).toMatchObject({ code: 0 });
    await shipRows(primary, 100);
    await shipRows(primary, 100);
    const ahead = segmentsIn(sandbox).slice(-2);
    expect((await words('rsyncDR', '-D', standby.dataDirectory)).code).toBe(0);
    await standby.promote();
    await waitUntilOpen(standby);
    const archive = archiveOf(sandbox);
    const claim = ['claim', `file:${archive}`, `file:${dr}`, '-D'];
    const promoted = await words('twowarm', ...claim, standby.dataDirectory);
    expect(promoted, promoted.stderr).toMatchObject({ code: 0 });
    for (const directory of [archive, dr])
      for (const name of ahead) expect(existsSync(join(directory, name))).toBe(false);
    giveHome(standby, `${sources}${destination(archive)}`);
    standby.setSettings({ archive_command: `"${program('archiveWALFile')}" %p %f` });
    await standby.reload();
    await waitFor('the history of timeline 2', () => existsSync(join(archive, '00000002.history')));
    await shipRows(standby, 50);
    await standby.stop('fast');

    const taken = await words('twowarm', ...claim, primary.dataDirectory, '--take-over');
    expect(taken, taken.stderr).toMatchObject({ code: 0, stderr: '' });
    expect(taken.stdout).toContain('in quarantine there, of abandoned timelines: 00000002.history to ');
    expect(taken.stdout).toContain('put back there, of the line of timeline 1: ');
    await shipRows(primary, 100);
    const latest = await makeStandby(primary, { name: 'latest', extra: noPrefetch(major) });
    giveHome(latest, `[restore]\nsources = ['file:${archive}']\n`);
    await latest.start();
    const rows = await shipRows(primary, 100);
    await waitForRows(latest, rows);
    await expectRows(latest, 500);
    expect(await commitRows(primary, 1)).toBe(501);

    const segments = readdirSync(archive).filter((name) => /^00000001[0-9A-F]{16}$/.test(name));
    const numbers = segments.map((name) => Number.parseInt(name.slice(8), 16)).sort((a, b) => a - b);
    expect(numbers).toEqual(numbers.map((_, at) => numbers[0]! + at));
    for (const name of ahead)
      for (const directory of [archive, dr]) expect(existsSync(join(directory, name))).toBe(true);
    expect(readdirSync(archive).filter((name) => name.startsWith('00000002'))).toEqual([]);
  });
});
