// Segments that no source has, while somebody has them or later ones: smart refuses before anything is changed and says who
// has what; fast says what it loses; and with the place that has them as a source nothing is lost.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { turnOf } from '../harness/share.ts';
import { changesBetween, snapshot } from '../harness/tree-snapshot.ts';
import { destination, expectRows, giveHome, shipRows, waitForRows, waitUntilOpen } from '../server/pair.ts';
import { expectPromoted, expectPrimary, makeScene, type Scene } from './scene.ts';

const limits = { concurrent: true, timeout: 120_000 };
/** An archive that was looked into is known from then on. */
const caches = /^state\/(settings\.json|compile-cache|said|archives)(\/|$)/;

interface Holed extends Scene {
  /** What the standby has replayed, and what was committed. */
  replayed: number;
  rows: number;
  /** Shipped to dr only, and to the archive after them. */
  astray: string[];
  later: string[];
}

const segmentsIn = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => /^[0-9A-F]{24}$/.test(name))
    .sort();

/** The archive of the standby lacks segments that went to dr alone, as a fallback has them. */
async function makeHole(sandbox: Sandbox, astray: number, later: number, major = 15): Promise<Holed> {
  const scene = await makeScene(sandbox, findPostgres(major));
  const { primary, standby, archive } = scene;
  await standby.start();
  const replayed = await shipRows(primary, 100);
  await waitForRows(standby, replayed);
  giveHome(primary, destination(scene.path('dr')));
  let rows = replayed;
  for (let count = 0; count < astray; count++) rows = await shipRows(primary, 10);
  const before = segmentsIn(archive);
  giveHome(primary, destination(archive));
  for (let count = 0; count < later; count++) rows = await shipRows(primary, 10);
  // With its last segment a clean stop would add to what is later.
  await primary.stop('immediate');
  const after = segmentsIn(archive).filter((name) => !before.includes(name));
  return { ...scene, replayed, rows, astray: segmentsIn(scene.path('dr')), later: after };
}

/** A call that must leave archives and home as they are, and the standby a standby. */
async function refusedBy(scene: Holed, ...words: string[]): Promise<string> {
  const { sandbox, standby } = scene;
  const kept = () => [snapshot(join(sandbox.path, 'standby/twowarm')), snapshot(join(sandbox.path, 'dr'))];
  const before = kept();
  const { code, stdout, stderr } = await scene.trigger(...words);
  const changes = kept().flatMap((after, index) => changesBetween(before[index]!, after, caches));
  expect(changes).toEqual([]);
  expect(await standby.value('select pg_is_in_recovery()')).toBe(true);
  expect({ code, stdout }).toEqual({ code: 55, stdout: '' });
  return stderr;
}

const segments = (names: readonly string[]): string =>
  names.length === 1 ? names[0]! : `${names[0]} to ${names.at(-1)} (${names.length} segments)`;

describe('segments that only a destination has, while the source has later ones', limits, () => {
  it('make smart refuse, in a dry run, too, until that one is a source; then nothing is lost', async () => {
    await using sandbox = makeSandbox('hole-smart');
    const scene = await makeHole(sandbox, 4, 1);
    const { archive, astray, later, home, rows, path } = scene;
    expect([astray.length, later.length]).toEqual([4, 1]);
    const refusal =
      `triggerStandby: ERROR:  will not promote: dr has ${segments(astray)}, which no source has\n` +
      `DETAIL:  file:${archive} has ${later[0]}. Replay cannot go past what is missing. Nothing was changed.\n` +
      `HINT:  Add 'file:${path('dr')}' to restore.sources in ${home}/twowarm.toml, and run this again. Or triggerStandby fast promotes without them, and loses 5 segments.\n`;
    expect(await refusedBy(scene)).toBe(refusal);
    expect(await refusedBy(scene, '--dry-run')).toBe(refusal);
    const json = await scene.trigger('--dry-run', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ kind: 'segments-missing', exitCode: 55 });

    scene.configure(`[restore]\nsources = ['file:${archive}', 'file:${path('dr')}']\n`);
    expectPromoted(await scene.trigger(), archive);
    await expectPrimary(scene, rows);
  });

  it('are counted by fast, before and after', async () => {
    await using sandbox = makeSandbox('hole-fast');
    const scene = await makeHole(sandbox, 4, 1);
    const { archive, astray, later, home, replayed, standby, path } = scene;
    const warning =
      `triggerStandby: WARNING:  what was committed in ${segments([...astray, ...later])} will be missing\n` +
      `DETAIL:  No source has ${segments(astray)}; dr has them.\n` +
      `HINT:  Add 'file:${path('dr')}' to restore.sources in ${home}/twowarm.toml, and promote by "smart", to lose nothing.\n`;
    const dry = await scene.trigger('fast', '--dry-run');
    expect({ code: dry.code, stderr: dry.stderr }).toEqual({ code: 0, stderr: warning });
    const { code, stderr } = await scene.trigger('fast');
    expect(code).toBe(0);
    expect(stderr).toBe(
      warning +
        `triggerStandby: WARNING:  file:${archive} holds WAL of timeline 1 that was not replayed: from ${later[0]} on, segments: 1\n` +
        `DETAIL:  What was committed in them is missing on this server, and what was committed in ${astray[0]} to ${astray[3]} (segments: 4), which no source had: replay cannot go past a missing segment.\n` +
        'HINT:  Keep them: they are the only copy. In quarantine: 1 (twowarm conflicts list).\n',
    );
    await waitUntilOpen(standby);
    await expectRows(standby, replayed);
  });
});

describe('segments that nobody has', limits, () => {
  it('make smart refuse where a source has a later one', async () => {
    await using sandbox = makeSandbox('hole-nobody');
    const scene = await makeHole(sandbox, 2, 2);
    const { archive, astray, later, path } = scene;
    rmSync(join(path('dr'), astray[1]!));
    const [first] = later;
    const fast = 'Or triggerStandby fast promotes without them, and loses 4 segments.';
    const bring =
      'Bring them to a source: from another copy, or from pg_wal or spool/held of the old primary.';
    expect(await refusedBy(scene)).toBe(
      `triggerStandby: ERROR:  will not promote: no source has ${segments(astray)}, but file:${archive} has ${first}\n` +
        'DETAIL:  dr has 1 of them. Replay cannot go past what is missing. Nothing was changed.\n' +
        `HINT:  ${bring} ${fast}\n`,
    );
    rmSync(path('dr'), { recursive: true });
    const { code, stderr } = await scene.trigger('--dry-run');
    expect(code).toBe(55);
    expect(stderr).toContain(
      `DETAIL:  What dr has is not known: the archive directory ${path('dr')} does not exist. Replay cannot go past what is missing. Nothing was changed.\n`,
    );
  });
});

describe('the end of the WAL that only a destination has', limits, () => {
  it.each(turnOf([10, 17], 2))('makes smart refuse, too: PostgreSQL %i', async (major) => {
    await using sandbox = makeSandbox('hole-end');
    const scene = await makeHole(sandbox, 1, 0, major);
    const { archive, astray, home, path, rows } = scene;
    expect(await refusedBy(scene)).toBe(
      `triggerStandby: ERROR:  will not promote: dr has ${astray[0]}, which no source has\n` +
        'DETAIL:  Replay cannot go past what is missing. Nothing was changed.\n' +
        `HINT:  Add 'file:${path('dr')}' to restore.sources in ${home}/twowarm.toml, and run this again. Or triggerStandby fast promotes without it, and loses 1 segment.\n`,
    );
    scene.configure(`[restore]\nsources = ['file:${archive}', 'file:${path('dr')}']\n`);
    expectPromoted(await scene.trigger(), archive);
    await expectPrimary(scene, rows);
  });
});

describe('a standby that nobody can connect to', limits, () => {
  it('is kept from being promoted in a hole all the same', async () => {
    await using sandbox = makeSandbox('hole-cold');
    const scene = await makeHole(sandbox, 2, 1);
    giveHome(
      scene.standby,
      `conninfo = 'host=${scene.path('nowhere')}'\n[destination.dr]\nurl = 'file:${scene.path('dr')}'\n`,
    );
    const stderr = await refusedBy(scene);
    expect(stderr).toContain(`will not promote: dr has ${segments(scene.astray)}, which no source has\n`);
  });
});
