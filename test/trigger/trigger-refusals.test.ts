// What triggerStandby refuses, and in which words, on one standby that stays a standby through all of it; what a dry run
// says, and that it changes nothing.
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { giveToServerUser } from '../harness/server-user.ts';
import { inTurn } from '../harness/share.ts';
import { changesBetween, snapshot } from '../harness/tree-snapshot.ts';
import { giveHome, shipRows, waitForRows } from '../server/pair.ts';
import { asPostgres, makeScene, type Scene } from './scene.ts';

const caches = /^state\/(settings\.json|compile-cache|said)(\/|$)/;

let sandbox: Sandbox;
let scene: Scene;

/** Home and archives: the data directory of a running server changes by itself. */
const kept = () => snapshot(scene.path('standby/twowarm'));

/** A call that must leave everything as it is, and its whole outcome. */
async function untouched(
  ...words: string[]
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const before = [kept(), snapshot(scene.path('dr'))] as const;
  const { code, stdout, stderr } = await scene.trigger(...words);
  const changes = [kept(), snapshot(scene.path('dr'))].flatMap((after, index) =>
    changesBetween(before[index]!, after, caches),
  );
  expect(changes).toEqual([]);
  expect(existsSync(join(scene.standby.dataDirectory, 'promote'))).toBe(false);
  expect(await scene.standby.value('select pg_is_in_recovery()')).toBe(true);
  return { code, stdout, stderr };
}

/** For what a reload has to reach every process of the server first. */
const patient = { timeout: 20_000 };

const refusal = (code: number, ...lines: string[]) => ({
  code,
  stdout: '',
  stderr: `triggerStandby: ERROR:  ${lines.join('\n')}\n`,
});

/** Writes twowarm.toml of the standby again. */
const configure = (toml: string): void => giveHome(scene.standby, `${asPostgres(scene.standby)}${toml}`);

beforeAll(async () => {
  sandbox = makeSandbox('trigger-refusals');
  scene = await makeScene(sandbox, findPostgres(15));
  await scene.standby.start();
  await waitForRows(scene.standby, await shipRows(scene.primary, 100));
});
afterAll(() => sandbox.dispose());
beforeEach(() => configure(''));

describe('triggerStandby refuses', () => {
  const its = inTurn(2);
  its.each([
    [['smrat'], 'argument MODE must be one of smart, fast, not "smrat"; did you mean "smart"?'],
    [['smart', 'fast'], 'too many arguments, the first is "fast"'],
  ])('%j', async (words, message) => {
    const hint = 'HINT:  Usage: triggerStandby [OPTION]... [MODE]; see triggerStandby --help.';
    expect(await untouched(...words)).toEqual(refusal(2, message, hint));
  });

  its.each(['5', '0s', 'soon'])('a timeout of %s', async (text) => {
    const message = `--timeout must be a number with a unit (ms, s, min, h, d), such as '5s', not "${text}"`;
    expect(await untouched('--timeout', text)).toEqual(refusal(2, message));
  });

  it('a smart promotion while a source is out of reach, and names the cure', async () => {
    renameSync(scene.archive, `${scene.archive}.away`);
    try {
      const message = `could not reach the source file:${scene.archive}: the archive directory ${scene.archive} does not exist`;
      expect(await untouched()).toEqual(
        refusal(
          52,
          message,
          'DETAIL:  What it holds beyond what was replayed would be lost. Nothing was changed.',
          'HINT:  Make it reachable, or promote with what is already here: triggerStandby fast',
        ),
      );
    } finally {
      renameSync(`${scene.archive}.away`, scene.archive);
    }
  });

  it('every promotion without an own archive, also fast', async () => {
    const own = scene.path('standby/own');
    configure(`[archive]\ndirectory = '${own}'\n[restore]\nsources = ['file:${scene.archive}']\n`);
    const expected = refusal(
      20,
      `the archive directory ${own} does not exist`,
      "DETAIL:  It is this node's own archive, into which it archives from its promotion on. Nothing was changed.",
      `HINT:  Mount it, or make it as the owner of the data directory: mkdir -m 700 ${own}`,
    );
    expect(await untouched('smart')).toEqual(expected);
    expect(await untouched('fast')).toEqual(expected);
    expect(await untouched('--dry-run')).toEqual(expected);
  });

  it('an own archive that it cannot write into', async () => {
    const own = scene.path('standby/own');
    configure(`[archive]\ndirectory = '${own}'\n[restore]\nsources = ['file:${scene.archive}']\n`);
    mkdirSync(own);
    giveToServerUser(own);
    chmodSync(own, 0o500);
    try {
      const lines = [
        "DETAIL:  It is this node's own archive, into which it archives from its promotion on. Nothing was changed.",
        'HINT:  The owner of the data directory must be able to read and write there.',
      ];
      const making = `could not create the directory ${own}/.twowarm: Permission denied`;
      expect(await untouched()).toEqual(refusal(21, making, ...lines));
      const writing = `could not write into the archive directory ${own}: Permission denied`;
      expect(await untouched('--dry-run')).toEqual(refusal(21, writing, ...lines));
    } finally {
      rmSync(own, { recursive: true });
    }
  });

  it('to replace a file that is no trigger file', async () => {
    writeFileSync(scene.triggerFile, 'notes\n');
    giveToServerUser(scene.triggerFile);
    try {
      expect(await untouched()).toEqual(
        refusal(
          16,
          `will not replace ${scene.triggerFile}: it is not a trigger file`,
          'DETAIL:  A trigger file says "smart" or "fast", or is empty.',
          'HINT:  Move it away, or set restore.trigger_file to another path.',
        ),
      );
    } finally {
      rmSync(scene.triggerFile);
    }
  });

  it('a smart promotion where a fast one was asked for', async () => {
    // A standby that waits would act on it: this one is asked every now and then.
    const other = join(scene.home, 'other-trigger');
    configure(`[restore]\ntrigger_file = '${other}'\n`);
    sandbox.file('standby/twowarm/other-trigger', 'fast\n');
    try {
      expect(await untouched('smart')).toEqual(
        refusal(
          16,
          `the trigger file ${other} says "fast" already`,
          'DETAIL:  Somebody has asked for a promotion that fetches nothing more, and it may have begun.',
          'HINT:  To go on with that: triggerStandby fast. If it is a forgotten one, remove it first.',
        ),
      );
    } finally {
      rmSync(other);
    }
  });

  it('while another triggerStandby is at work, but not after one that was killed', async () => {
    const start = readFileSync(`/proc/${process.pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')[19]!;
    sandbox.file('standby/twowarm/state/trigger.lock', `${process.pid} ${start}\n`);
    expect(await untouched()).toEqual(
      refusal(
        53,
        `another triggerStandby is at work: process ${process.pid}`,
        'HINT:  Wait for it, and look at what it says. If it hangs, end it and run this one again: nothing is lost by that.',
      ),
    );
    sandbox.file('standby/twowarm/state/trigger.lock', `${process.pid} 1\n`);
    expect(await untouched('--dry-run')).toMatchObject({ code: 0 });
    rmSync(join(scene.home, 'state/trigger.lock'));
  });

  its.each([
    ['host=a,b', 'it names several servers, but this node is one'],
    ['hsot=a', 'there is no keyword "hsot"'],
  ])('a conninfo that libpq would not take: %s', async (conninfo, reason) => {
    giveHome(scene.standby, `conninfo = '${conninfo}'\n`);
    expect(await untouched()).toEqual(
      refusal(
        3,
        `cannot use node.conninfo: ${reason}`,
        "HINT:  Write it as for libpq, such as 'host=/var/run/postgresql dbname=postgres'.",
      ),
    );
  });
});

describe('a dry run', () => {
  const steps = (wish: string): string[] => [
    'reserve no timeline: no arbiter is configured',
    `archive into ${scene.archive}, too, from then on`,
    `claim file:${scene.archive} for timeline 2`,
    `write "${wish}" into the trigger file ${scene.triggerFile}`,
    'ask the server to end recovery',
    'wait until it accepts writes',
    `remove the trigger file ${scene.triggerFile}`,
  ];

  it('lists the steps and changes nothing', async () => {
    const stdout = steps('fast')
      .map((step) => `would ${step}\n`)
      .join('');
    expect(await untouched('fast', '--dry-run')).toEqual({ code: 0, stdout, stderr: '' });
  });

  it('as JSON', async () => {
    const { code, stdout, stderr } = await untouched('--dry-run', '--json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      outcome: 'would promote',
      acceptsWrites: null,
      timeline: null,
      parentTimeline: null,
      lsn: null,
      seconds: null,
      archiving: null,
      reservedAt: null,
      claims: [],
      steps: steps('smart'),
      warnings: [],
    });
  });

  it('checks as the real run does, and warns of archiving that will not go on', async () => {
    await scene.standby.query("alter system set archive_command = 'true'");
    sandbox.file('standby/twowarm/state/archiving', 'hold\n');
    try {
      await scene.standby.reload();
      const warning =
        'triggerStandby: WARNING:  archive_command does not call archiveWALFile: what the promoted server archives is not known here\n' +
        'HINT:  archiveWALFile --help shows the line for postgresql.conf.\n';
      await expect.poll(async () => (await untouched('--dry-run')).stderr, patient).toBe(warning);
      await scene.standby.query('alter system reset archive_command');
      await scene.standby.reload();
      const hold =
        'triggerStandby: WARNING:  the archiving state is "hold": the promoted server will archive nothing\n' +
        'HINT:  To archive: twowarm archiving on\n';
      await expect.poll(async () => (await untouched('--dry-run')).stderr, patient).toBe(hold);
    } finally {
      rmSync(join(scene.home, 'state/archiving'));
    }
  });
});

describe('triggerStandby on', () => {
  it('a primary has nothing to do, however often it is called', async () => {
    const home = join(scene.primary.parent, 'twowarm');
    sandbox.file(
      'primary/twowarm/twowarm.toml',
      readFileSync(join(home, 'twowarm.toml'), 'utf8').replace(
        '[destination',
        `${asPostgres(scene.primary)}[destination`,
      ),
    );
    sandbox.file('primary/twowarm/trigger', 'smart\n');
    for (const words of [[], ['fast']]) {
      const result = await scene.trigger('-D', scene.primary.dataDirectory, ...words);
      expect(result).toMatchObject({
        code: 0,
        stdout: 'the server is a primary already, on timeline 1; nothing to do\n',
        stderr: '',
      });
      expect(existsSync(join(home, 'trigger'))).toBe(false);
    }
    expect(existsSync(join(home, 'state/own-archive'))).toBe(false);
    const { stdout } = await scene.trigger('-D', scene.primary.dataDirectory, '--json');
    expect(JSON.parse(stdout)).toEqual({
      outcome: 'primary already',
      acceptsWrites: true,
      timeline: 1,
      parentTimeline: null,
      lsn: null,
      seconds: null,
      archiving: null,
      reservedAt: null,
      claims: [],
      warnings: [],
    });
  });

  it('a server that is not running is refused', async () => {
    await scene.standby.stop();
    const { code, stdout, stderr } = await scene.trigger();
    expect({ code, stdout, stderr }).toEqual(
      refusal(
        50,
        `the server in ${scene.standby.dataDirectory} is not running`,
        'DETAIL:  A standby is promoted while it runs.',
        `HINT:  Start it, then run triggerStandby again: pg_ctl start -D ${scene.standby.dataDirectory}`,
      ),
    );
  });
});
