// twowarm check over a node whose configuration, home or own archive is broken, one after the other.
import { chmodSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { beginOwnArchive } from '../../../src/program/own-archive.ts';
import { commandLine, controlFile, makeNode, type NodeFixture } from '../../harness/node-fixture.ts';
import { giveToServerUser, serverUser } from '../../harness/server-user.ts';
import { anotherCluster, ourCluster, segmentNamed } from '../../harness/wal-files.ts';
import {
  archive,
  bestEffort,
  missingHint,
  owe,
  policyNode,
  takeAway,
} from '../../archive/policies/policy-node.ts';
import { found, said } from './check.ts';

const user = serverUser().name;
const toml = (node: NodeFixture): string => node.path('twowarm/twowarm.toml');
const mount = (path: string): string => `HINT:  Mount it, or make it as ${user}: mkdir -m 700 ${path}`;

describe('the configuration', () => {
  it('that others may write, or that is wrong, is refused, and nothing else is judged', async () => {
    await using node = await makeNode('check-toml');
    chmodSync(toml(node), 0o666);
    expect(await said(node, 'configuration,home')).toEqual({
      code: 2,
      lines: [
        ...found(
          'CRITICAL',
          'configuration',
          `will not use the configuration ${toml(node)}: others may write it`,
          'DETAIL:  Its mode is 0666.',
          `HINT:  chmod go-w ${toml(node)}`,
        ),
        ...found('skipped', 'home', 'not judged: configuration is critical'),
      ],
    });
    node.configure("[destination.db2]\nurll = 'file:/x'\n");
    expect((await said(node, 'configuration')).lines[0]).toContain(
      'unknown key "urll" in [destination.db2]; did you mean "url"?',
    );
  });

  it("that holds a password is nobody else's to read", async () => {
    await using node = await makeNode('check-password', {
      configuration: (path) =>
        `conninfo = 'host=/run password=secret'\n[destination.db2]\nurl = 'file:${path('db2')}'\n`,
    });
    chmodSync(toml(node), 0o644);
    expect(await said(node, 'configuration')).toEqual({
      code: 1,
      lines: found(
        'WARNING',
        'configuration',
        `anybody on this machine may read the configuration ${toml(node)}`,
        'DETAIL:  Its mode is 0644, and node.conninfo holds a password.',
        `HINT:  chmod o-rwx ${toml(node)}`,
      ),
    });
  });

  it('of which other settings are kept is not believed', async () => {
    await using node = await makeNode('check-kept');
    await said(node, 'configuration');
    const kept = node.path('twowarm/state/settings.json');
    writeFileSync(kept, readFileSync(kept, 'utf8').replace('/db2', '/db3'));
    expect(await said(node, 'configuration')).toEqual({
      code: 2,
      lines: found(
        'CRITICAL',
        'configuration',
        `the kept settings in ${kept} are not those of ${toml(node)}`,
        `HINT:  Remove it; the next call makes it anew: rm ${kept}`,
      ),
    });
  });

  it('of a node whose copy is not finished waits for that', async () => {
    await using node = await makeNode('check-unfinished', { used: false });
    const unfinished = (detail: string) => ({
      code: 2,
      lines: found(
        'CRITICAL',
        'configuration',
        `the copy in ${node.dataDirectory} is not finished`,
        `DETAIL:  ${detail}`,
        'HINT:  On the primary, call copyToStandby, or copyToDR, again: it goes on where it ended. Then configure the standby.',
      ),
    });
    rmSync(node.path('data/global/pg_control'));
    // A cluster may have lost it, too.
    expect((await said(node, 'configuration')).lines[0]).toContain('could not read ');
    node.sandbox.file('data/.twowarm-copying', '{}');
    const byNote = unfinished('.twowarm-copying in it says that a copy is under way, or was interrupted.');
    expect(await said(node, 'configuration')).toEqual(byNote);
    node.sandbox.file('data/global/pg_control', controlFile(ourCluster));
    expect(await said(node, 'configuration')).toEqual(byNote);
    const trigger = () => node.sh(commandLine('triggerStandby'));
    const { stderr } = await trigger();
    expect(stderr).toContain(`triggerStandby: ERROR:  the copy in ${node.dataDirectory} is not finished\n`);
    rmSync(node.path('data/global/pg_control'));
    expect((await trigger()).stderr).toBe(stderr);
  });

  it('of a node without data says where they come from, however the data directory is named', async () => {
    await using node = await makeNode('check-empty', { used: false });
    const data = node.dataDirectory;
    const call = (name: string, words: string[], cwd: string, env: Record<string, string> = {}) =>
      node.sh(commandLine(name, ...words), { cwd, env });
    const hint =
      'Its data come by copyToStandby, or copyToDR, called on the primary; then call configStandby here.';
    const stderr = (how: string, directory = data): string =>
      `configStandby: ERROR:  the data directory ${directory} ${how}\nHINT:  ${hint}\n`;
    rmSync(data, { recursive: true });
    node.sandbox.directory('data');
    for (const [words, cwd, env] of [
      [['-D', data], '/', {}],
      [[], '/', { PGDATA: data }],
      [[], data, {}],
    ] as const)
      expect(await call('configStandby', [...words], cwd, env)).toMatchObject({
        code: 5,
        stderr: stderr('is empty'),
      });
    const { code, stdout } = await call('twowarm', ['check', '--only', 'configuration', '-D', data], '/');
    expect({ code, lines: stdout.trimEnd().split('\n').slice(1) }).toEqual({
      code: 2,
      lines: found('CRITICAL', 'configuration', `the data directory ${data} is empty`, `HINT:  ${hint}`),
    });
    rmSync(data, { recursive: true });
    expect((await call('configStandby', ['-D', data], '/')).stderr).toBe(stderr('does not exist'));
    expect((await call('configStandby', [], '/', { PGDATA: data })).stderr).toBe(stderr('does not exist'));
    const nowhere = node.path('no/such');
    expect((await call('configStandby', ['-D', nowhere], '/')).stderr).toBe(
      `configStandby: ERROR:  the data directory ${nowhere} does not exist
HINT:  Name the data directory of a cluster with -D. For a new standby: twowarm init here, then copyToStandby on the primary.
`,
    );
  });
});

describe('the home', () => {
  it("of another cluster, or a copy of another node's, is said to be that", async () => {
    await using node = await makeNode('check-home');
    const record = node.path('twowarm/state/node.json');
    const before = readFileSync(record, 'utf8');
    writeFileSync(record, before.replace(/"stateInode": "\d+"/, '"stateInode": "1"'));
    expect(await said(node, 'home')).toEqual({
      code: 1,
      lines: found(
        'WARNING',
        'home',
        `the home ${node.home} is a copy of another node's`,
        'DETAIL:  The next call that changes something makes this a new node, which no archive is claimed for.',
        'HINT:  If this node has taken the place of the other one for good: twowarm claim --take-over',
      ),
    });
    writeFileSync(record, before);
    node.sandbox.file('data/global/pg_control', controlFile(anotherCluster));
    expect(await said(node, 'home')).toEqual({
      code: 2,
      lines: found(
        'CRITICAL',
        'home',
        `the home ${node.home} belongs to another cluster`,
        `DETAIL:  It serves system identifier 7311222333444555666; ${node.dataDirectory} has ${anotherCluster}.`,
        `HINT:  Give this cluster a home of its own. If it replaces the other one for good, move ${record} away.`,
      ),
    });
  });

  it('and the archive are readable and writable for the server alone', async () => {
    await using node = await makeNode('check-modes');
    chmodSync(node.home, 0o755);
    const own = node.path('twowarm/archive');
    chmodSync(own, 0o777);
    const state = node.path('twowarm/state/archiving');
    node.sandbox.file('twowarm/state/archiving', 'on\n');
    chmodSync(state, 0o400);
    expect(await said(node, 'file-modes')).toEqual({
      code: 2,
      lines: [
        ...found(
          'CRITICAL',
          'file-modes',
          `${user} cannot read and write ${state}`,
          `DETAIL:  It belongs to ${user} and has mode 0400.`,
          `HINT:  As root: chown ${user} ${state} && chmod 600 ${state}`,
        ),
        ...found(
          'CRITICAL',
          'file-modes',
          `others may write to ${own}`,
          `DETAIL:  It belongs to ${user} and has mode 0777. Whoever writes WAL there changes the servers that restore it.`,
          `HINT:  chmod go-w ${own}`,
        ),
        ...found(
          'WARNING',
          'file-modes',
          `anybody on this machine may read ${node.home}`,
          `DETAIL:  It belongs to ${user} and has mode 0755.`,
          `HINT:  chmod 700 ${node.home}`,
        ),
      ],
    });
    chmodSync(node.home, 0o777);
    expect((await said(node, 'configuration')).lines[0]).toBe(
      found('CRITICAL', 'configuration', `will not use the home ${node.home}: others may write to it`)[0],
    );
  });
});

describe('the own archive', () => {
  it('that is missing matters by what the node is', async () => {
    await using node = await makeNode('check-own');
    const own = node.path('twowarm/archive');
    rmSync(own, { recursive: true });
    const lines = (level: string, detail: string) =>
      found(
        level,
        'own-archive',
        `the archive directory ${own} does not exist`,
        `DETAIL:  ${detail}`,
        mount(own),
      );
    expect(await said(node, 'own-archive')).toEqual({
      code: 1,
      lines: lines('WARNING', 'Once this node is a standby, WAL arrives there, or is archived there.'),
    });
    node.mode('standby');
    expect(await said(node, 'own-archive')).toEqual({
      code: 2,
      lines: lines('CRITICAL', 'It is where restore_command looks.'),
    });
    node.mode('none');
    beginOwnArchive(node.home, '0123456789abcdef', { since: '2026-11-21T04:00:00.000Z', timeline: 2 });
    giveToServerUser(node.path('twowarm/state/own-archive'));
    expect(await said(node, 'own-archive')).toEqual({
      code: 2,
      lines: lines('CRITICAL', 'This node was triggered and archives there, too: archive_command fails.'),
    });
  });

  it('that is no source of a standby although WAL arrives there is told of', async () => {
    await using node = await makeNode('check-unread');
    const own = node.path('twowarm/archive');
    node.configure(`[restore]\nsources = ['file:${node.path('db2')}']\n`);
    node.segment(segmentNamed(2), {}, 'twowarm/archive');
    node.sandbox.file('twowarm/archive/.twowarm/format', readFileSync(node.path('db2/.twowarm/format')));
    const fine = found('ok', 'own-archive', `${own} is there and this cluster's`);
    expect(await said(node, 'own-archive')).toEqual({ code: 0, lines: fine });
    node.mode('standby');
    expect(await said(node, 'own-archive')).toEqual({
      code: 1,
      lines: found(
        'WARNING',
        'own-archive',
        `restore.sources does not name this node's own archive, ${own}`,
        'DETAIL:  WAL has arrived there, and restore_command does not look for it there.',
        `HINT:  In [restore] of ${toml(node)}, put 'file:${own}' first into sources.`,
      ),
    });
  });

  it('that holds old unfinished files, or lies in a data directory, is told of', async () => {
    await using node = await makeNode('check-leftovers');
    const own = node.path('twowarm/archive');
    const old = node.sandbox.file('twowarm/archive/.tmp.x.0123456789abcdef.1.1.1', 'x');
    utimesSync(old, new Date(0), new Date(0));
    expect(await said(node, 'own-archive')).toEqual({
      code: 1,
      lines: found(
        'WARNING',
        'own-archive',
        `1 unfinished file of more than a day lie in ${own}`,
        'DETAIL:  They are of nodes or machines that have not come back to sweep them.',
        `HINT:  Remove them: find ${own} -maxdepth 1 -name '.tmp.*' -mtime +0 -delete`,
      ),
    });
    const within = node.sandbox.directory('data/archive');
    node.configure(
      `[archive]\ndirectory = '${within}'\n[destination.db2]\nurl = 'file:${node.path('db2')}'\n`,
    );
    expect(await said(node, 'own-archive')).toEqual({
      code: 2,
      lines: found(
        'CRITICAL',
        'own-archive',
        `cannot use ${within} as an archive: it lies within the data directory ${node.dataDirectory}`,
        'DETAIL:  What is archived there is lost with it, or removed by its server.',
        'HINT:  Choose a directory outside of every data directory.',
      ),
    });
  });
});

describe('what is noted of archiving', () => {
  it('says that it is on hold, that files are given up, or that nobody can tell', async () => {
    await using node = await makeNode('check-state');
    const saidWhile = (state: string) => {
      node.sandbox.file('twowarm/state/archiving', `${state}\n`);
      return said(node, 'archiving-state');
    };
    const lines = (level: string, message: string, ...more: string[]) =>
      found(level, 'archiving-state', message, ...more);
    expect(await saidWhile('hold')).toEqual({
      code: 1,
      lines: lines(
        'WARNING',
        'archiving is on hold: PostgreSQL keeps the WAL in pg_wal until the disk is full',
        'HINT:  To archive again: twowarm archiving on',
      ),
    });
    expect(await saidWhile('discard')).toEqual({
      code: 2,
      lines: lines(
        'CRITICAL',
        'archiving is set to discard: files are given up, with a gap record for each',
        'DETAIL:  Recovery cannot pass a gap.',
        'HINT:  To archive again: twowarm archiving on; then take a new base backup.',
      ),
    });
    expect(await saidWhile('onn')).toEqual({
      code: 2,
      lines: lines(
        'CRITICAL',
        `the archiving state ${node.path('twowarm/state/archiving')} is damaged; archiving is on hold`,
        'HINT:  Set it again: twowarm archiving on|hold|discard',
      ),
    });
  });

  it('names who fails, who is suspended, and who is owed files', async () => {
    await using node = await policyNode('check-debts', { db2: [], dr: bestEffort });
    takeAway(node, 'dr');
    await archive(node, segmentNamed(0x21));
    owe(node, 'dr', [segmentNamed(0x20)]);
    const { code, lines } = await said(node, 'debts');
    expect(code).toBe(1);
    expect(lines[0]).toMatch(/^WARNING {3}debts: dr fails since \d{4}-\S+Z: .* does not exist$/);
    const cure = (text: readonly string[]): string => text.find((line) => line.includes('HINT:  '))!;
    expect(cure(lines)).toBe(
      '          HINT:  twowarm destination list says more. One that is gone for long: twowarm destination suspend NAME; back again: resume NAME.',
    );
    const signal = node.sandbox.file('data/standby.signal', '');
    expect(cure((await said(node, 'debts')).lines)).toBe(
      '          HINT:  rsyncDR, or the relay, brings there what is lacking, and notes it. twowarm destination list says more.',
    );
    rmSync(signal);
    await node.sh(commandLine('twowarm', 'destination', 'suspend', 'dr'));
    const suspended = await said(node, 'debts,destination-road');
    expect(suspended.code).toBe(1);
    expect(suspended.lines[0]).toMatch(/^WARNING {3}debts: dr is suspended since \d{4}-\S+Z$/);
    expect(suspended.lines).toEqual(
      expect.arrayContaining(
        found(
          'WARNING',
          'destination-road dr',
          `the archive directory ${node.path('dr')} does not exist`,
          missingHint,
        ),
      ),
    );
  });
});
