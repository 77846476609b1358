// The ten bugs of 2warm that took a cluster's WAL, or the cluster, and none of which may come back: one direct test each, by the
// name of the program that had it. What each program does besides is tested where it lives.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backupLabel, configureCopy, makeCopy } from '../backup/configure/node-to-configure.ts';
import { trace } from '../faults/strace.ts';
import { program } from '../harness/installation.ts';
import { commandLine, makeNode, refused, silent } from '../harness/node-fixture.ts';
import { run } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { historyText, segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  arrive,
  makeRelayNode,
  namesIn,
  passed,
  setState,
  silence,
  startPostmaster,
} from '../relay/fixture.ts';
import { makePlace, target } from '../restore/pg-standby/fixture.ts';
import {
  archiveIn,
  configure,
  copiedPair,
  copy,
  giveOwnSettings,
  standingStill,
  startCopy,
  writeToml,
  type CopiedPair,
} from './base-backup/copied-pair.ts';
import { trigger } from './trigger.ts';

const name = segmentNamed(0x21);

describe.concurrent('2warm, bug', () => {
  it('1, archiveWALFile: without archiving_active nothing is lost with exit code 0: it archives, or refuses, or leaves a record', async () => {
    await using node = await makeNode('bug-1');
    node.segment(name);
    node.sandbox.directory('twowarm/local/replication');
    expect(await node.archive(`pg_wal/${name}`, name)).toMatchObject({
      code: 0,
      changed: [`created db2/${name}`],
    });

    const next = node.segment(segmentNamed(0x22));
    await node.sh(commandLine('twowarm', 'archiving', 'hold'));
    expect((await node.archive(`pg_wal/${next}`, next)).code).toBe(15);
    // Not to be read is not "not active".
    node.sandbox.file('twowarm/state/archiving', 'x');
    expect((await node.archive(`pg_wal/${next}`, next)).code).toBe(28);
    expect(namesIn(node, 'db2')).not.toContain(next);
    // What 2warm did is to be asked for, and is on record wherever the segment is missing.
    await node.sh(commandLine('twowarm', 'archiving', 'discard'));
    expect((await node.archive(`pg_wal/${next}`, next)).code).toBe(0);
    expect(existsSync(node.path(`db2/.twowarm/gaps/${next}`))).toBe(true);
  });

  it('2, archiveWALFile: other content under the same name is never overwritten', async () => {
    await using node = await makeNode('bug-2');
    node.segment(name);
    await node.archive(`pg_wal/${name}`, name);
    const other = segmentBytes(name, { content: 0x77 });
    node.sandbox.file(`data/pg_wal/${name}`, other);
    expect(await node.archive(`pg_wal/${name}`, name)).toMatchObject({ code: 14, stdout: '', changed: [] });
    expect(readFileSync(node.path(`db2/${name}`)).equals(segmentBytes(name))).toBe(true);
    expect(readFileSync(node.path(`data/pg_wal/${name}`)).equals(other)).toBe(true);
  });

  it('3, archiveWALFile: where the standby fails the DR node gets the file, and that is success', async () => {
    await using node = await makeNode('bug-3', {
      directories: ['db2', 'dr', 'twowarm/archive'],
      configuration: (path) =>
        `[destination.db2]\nurl = 'file:${path('db2')}'\n[destination.dr]\nurl = 'file:${path('dr')}'\npolicy = 'fallback'\nfor = ['db2']\n`,
    });
    node.segment(name);
    rmSync(node.path('db2'), { recursive: true });
    expect((await node.archive(`pg_wal/${name}`, name)).code).toBe(0);
    expect(readFileSync(node.path(`dr/${name}`)).equals(segmentBytes(name))).toBe(true);
  });

  it('4, rsyncDR: carries what is in the archive, from a standby that answers psql, and nothing from a primary', async () => {
    await using node = await makeRelayNode('bug-4');
    setState(node, 'in archive recovery');
    startPostmaster(node, 'ready');
    arrive(node, name);
    arrive(node, segmentNamed(0x22), {}, 'data_archive');
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([name]);
    node.mode('none');
    setState(node, 'in production');
    arrive(node, segmentNamed(0x23));
    await passed(node);
    expect(namesIn(node, 'dr')).toEqual([name]);
  });

  it('5, pg_standby: a history file is served, and one that is absent is absent, without a word', async () => {
    await using place = makePlace('bug-5');
    const history = '00000002.history';
    expect(await place.call(place.archive, history, target)).toEqual(refused(1, ''));
    place.sandbox.file(`archive/${history}`, historyText());
    expect(await place.call(place.archive, history, target)).toEqual(silent([`created work/${target}`]));
    expect(readFileSync(place.path(`work/${target}`), 'utf8')).toBe(historyText());
  });

  it('6, restoreWALFile: "not there" has one exit code, and "cannot know" never has it where that would open the database', async () => {
    await using node = await makeNode('bug-6', {
      configuration: (path) =>
        `[destination.db2]\nurl = 'file:${path('db2')}'\n[restore]\nsources = ['file:${path('db2')}']\nretry_limit = '1ms'\n`,
    });
    node.mode('recovery');
    const ask = () => node.restore(name, 'pg_wal/RECOVERYXLOG');
    expect((await ask()).code).toBe(1);
    node.sandbox.file(`db2/${name}`, segmentBytes(name).subarray(0, 5000));
    expect((await ask()).code).toBe(200);
    rmSync(node.path('db2'), { recursive: true });
    expect((await ask()).code).toBe(200);
    expect(existsSync(node.path('data/pg_wal/RECOVERYXLOG'))).toBe(false);
  });

  it('7, flushPrimary: is refused as not built, and nothing looks into pg_wal for what it might ship', async () => {
    await using node = await makeNode('bug-7');
    expect(await node.sh(commandLine('twowarm', 'flushPrimary'))).toEqual(
      refused(4, 'twowarm: ERROR:  the command flushPrimary is not built yet\n'),
    );
    node.segment(name);
    // The one that is written to, and what was recycled for later: full-size, with old content.
    for (const later of [0x22, 0x23, 0x24])
      node.sandbox.file(`data/pg_wal/${segmentNamed(later)}`, segmentBytes(segmentNamed(later - 0x10)));
    const traced = trace(node, commandLine('archiveWALFile', `pg_wal/${name}`, name));
    expect((await traced.program.result).code).toBe(0);
    const opened = traced
      .calls()
      .filter((call) => call.name.startsWith('open') && /pg_wal/.test(call.arguments));
    expect(opened.map((call) => /"([^"]*)"/.exec(call.arguments)![1]!.replace(/.*pg_wal/, 'pg_wal'))).toEqual(
      [`pg_wal/${name}`],
    );
    expect(namesIn(node, 'db2')).toEqual([segmentNamed(1), name]);
  });

  it('7, rsyncDR: ships nothing of pg_wal', async () => {
    await using node = await makeRelayNode('bug-7-relay');
    setState(node, 'shut down in recovery');
    arrive(node, name);
    node.segment(segmentNamed(0x22));
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([name]);
  });

  it('8, configStandby: never touches pg_wal, and asks no psql whether a server runs', async () => {
    const wal = {
      [`data/pg_wal/${name}`]: 'the only copy',
      [`data/pg_wal/archive_status/${name}.ready`]: '',
    };
    await using node = await makeCopy(15, { ...wal, 'data/backup_label': backupLabel() });
    const server = startPostmaster(node);
    const { code, stdout, stderr, changed } = await configureCopy(node);
    expect({ code, stdout, stderr, changed }).toEqual({
      ...{ code: 88, stdout: '', changed: [] },
      stderr: `configStandby: ERROR:  a server runs in ${node.dataDirectory} (process ${server.pid})\nHINT:  Stop it first: pg_ctl stop -D ${node.dataDirectory}, or the way your system does it.\n`,
    });
    server.kill('SIGKILL');
    await server.result;
    const done = await configureCopy(node);
    expect(done.code).toBe(0);
    expect(done.changed.filter((change) => change.includes('pg_wal'))).toEqual([]);
    expect(readdirSync(node.path('data/pg_wal')).sort()).toEqual([name, 'archive_status'].sort());
  });
});

describe('2warm, bug', { timeout: 120_000 }, () => {
  let sandbox: Sandbox;
  let pair: CopiedPair;
  beforeAll(async () => {
    sandbox = makeSandbox('bugs-9-10');
    pair = await copiedPair(sandbox, { major: 15, road: 'file', tables: false });
    await pair.primary.query(`create tablespace beside location '${sandbox.directory('space')}'`);
    await pair.primary.query('create table ledger (n int) tablespace beside');
    await pair.primary.query('insert into ledger values (1)');
    sandbox.file('primary/data/notes on pg_xlog.txt', 'of somebody');
  });
  afterAll(async () => {
    await pair?.[Symbol.asyncDispose]();
    await sandbox?.dispose();
  });

  const mapping = (): string[] => ['-T', `${sandbox.path}/space=${sandbox.path}/space-there`];

  it('9, copyToStandby: says so where the last WAL that the copy needs does not arrive', async () => {
    const { primary, standby } = pair;
    let holding: Promise<unknown> | undefined;
    const hold = ['archiving', 'hold', '-D', primary.dataDirectory];
    const failing: unknown[] = [];
    const running = startCopy(primary, [...mapping(), '--wait', '8s'], ({ event, message }) => {
      if (event === 'archiving-fails') failing.push(message);
      if (event === 'begun') holding = standingStill(running, () => run(program('twowarm'), hold));
    });
    const { code, stderr } = await running.result;
    await holding;
    expect(code).toBe(59);
    expect(failing).toEqual([
      expect.stringMatching(
        /^archive_command fails with [0-9A-F]{24}, for archiving is on hold: twowarm archiving on$/,
      ),
    ]);
    expect(stderr).toMatch(
      new RegExp(
        `^copyToStandby: WARNING:  the copy in ${standby.dataDirectory} is complete, but its WAL up to \\S+ was not seen at file:${archiveIn(standby)}\\nHINT:  .*\\n` +
          `copyToStandby: ERROR:  [0-9A-F]{24} did not arrive at file:${archiveIn(standby)} within 8s\\n` +
          'DETAIL:  The log of the server says what archive_command said\\.( archive_command fails with [0-9A-F]{24}\\.)?\\n' +
          'HINT:  twowarm check --full follows a segment and says where it stays; --wait gives it longer\\.\\n$',
      ),
    );
  });

  it('9, copyToStandby: says so, too, where somebody stops waiting for it', async () => {
    const { primary, standby } = pair;
    let holding: Promise<unknown> | undefined;
    const hold = ['archiving', 'hold', '-D', primary.dataDirectory];
    const running = startCopy(primary, mapping(), ({ event }) => {
      if (event === 'begun') holding = standingStill(running, () => run(program('twowarm'), hold));
      if (event === 'waiting' && holding !== undefined) running.kill('SIGINT');
    });
    const { stderr, events } = await running.result;
    await holding;
    expect(events.at(-1)).toMatchObject({ event: 'end', outcome: 'stopped' });
    expect(stderr).toMatch(
      new RegExp(
        `^copyToStandby: WARNING:  the copy in ${standby.dataDirectory} is complete, but its WAL up to \\S+ was not seen at file:${archiveIn(standby)}\\nHINT:  .*\\n$`,
      ),
    );
  });

  it('9, copyToStandby: a non-exclusive backup, with tablespaces, names like pg_xlog and the last WAL; without postmaster.pid', async () => {
    const { primary, standby } = pair;
    const root = standby.dataDirectory;
    let wasExclusive: boolean | undefined;
    const events = await copy(primary, mapping(), ({ event }) => {
      if (event === 'prepared') wasExclusive = existsSync(join(primary.dataDirectory, 'backup_label'));
    });
    // It was on hold: 2warm's switched it on, too.
    expect(events[0]).toEqual({
      event: 'archiving-on',
      message: expect.stringMatching(
        /^archiving was (on hold|set to discard) since \d{4}-[-\d]+T[:.\d]+Z: it is on now$/,
      ) as string,
    });
    expect(wasExclusive).toBe(false);
    expect(existsSync(join(root, 'postmaster.pid'))).toBe(false);
    expect(readFileSync(join(root, 'notes on pg_xlog.txt'), 'utf8')).toBe('of somebody');
    const [version] = readdirSync(join(sandbox.path, 'space-there'));
    const [database] = readdirSync(join(sandbox.path, 'space-there', version!));
    expect(readdirSync(join(sandbox.path, 'space-there', version!, database!)).length).toBeGreaterThan(0);
    const { lastSegment } = events.at(-1) as unknown as { lastSegment: string };
    expect(readdirSync(archiveIn(standby))).toContain(lastSegment);
  });

  it('10, triggerStandby: the promoted node archives, and goes on doing so', async () => {
    const { standby } = pair;
    writeToml(standby, `[destination.onwards]\nurl = 'file:${sandbox.directory('onwards')}'\n`);
    giveOwnSettings(standby);
    await configure(standby);
    await standby.start();
    await waitFor('the standby to be consistent', () => standby.value<boolean>('select pg_is_in_recovery()'));
    await trigger(standby, 'smart');
    expect(await standby.value('select n from ledger')).toBe(1);
    await standby.query('insert into ledger values (2)');
    const segment = await standby.finishSegment();
    await standby.waitUntilArchived(segment);
    expect(readdirSync(join(sandbox.path, 'onwards'))).toContain(segment);
    const { stdout } = await run(program('twowarm'), ['archiving', 'status', '-D', standby.dataDirectory]);
    expect(stdout).toMatch(/^OK: archiving is on: archiveWALFile stores files at onwards, its own archive /);
  });
});
