// archiveWALFile when all goes well: what is stored, under which names, modes and owners, and what is said about it.
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createCluster } from '../harness/create-cluster.ts';
import {
  commandLine,
  controlFile,
  makeNode,
  oneDestination,
  silent,
  type NodeFixture,
} from '../harness/node-fixture.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { run, shell } from '../harness/run.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { giveToServerUser, runsAsRoot, serverUser } from '../harness/server-user.ts';
import { inTurn, turnOf } from '../harness/share.ts';
import { backupText, historyText, ourCluster, segmentBytes, segmentNamed } from '../harness/wal-files.ts';

let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('archive-success');
});
afterAll(() => node[Symbol.asyncDispose]());

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);

describe.each(turnOf(['000', '022', '077'], 2))('under umask %s', (umask) => {
  it('the first file makes the archive this cluster’s, everything closed to others', async () => {
    await using fresh = await makeNode('archive-first', { used: false });
    const name = fresh.segment(segmentNamed(2));
    const line = commandLine('archiveWALFile', `pg_wal/${name}`, name);
    const note = `twowarm/state/archives/${encodeURIComponent(fresh.path('db2')).slice(-200)}`;
    const made = {
      directories: ['db2/.twowarm', 'twowarm/state', 'twowarm/state/archives', 'twowarm/state/unfinished'],
      files: ['db2/.twowarm/format', 'db2/.twowarm/owner', `db2/${name}`, note, 'twowarm/state/node.json'],
    };

    const outcome = await fresh.sh(`umask ${umask}; ${line}`);

    const all = [...made.directories, ...made.files].sort();
    expect(outcome).toEqual(silent(all.map((path) => `created ${path}`)));
    expect(readFileSync(fresh.path(`db2/${name}`)).equals(segmentBytes(name))).toBe(true);
    const modes = (paths: string[]) => paths.map((path) => `${path} ${modeOf(fresh.path(path))}`);
    expect(modes(made.directories)).toEqual(made.directories.map((path) => `${path} 700`));
    expect(modes(made.files)).toEqual(made.files.map((path) => `${path} 600`));
    const { uid, gid } = serverUser();
    const owners = all.map((path) => statSync(fresh.path(path)));
    expect(owners.every((stats) => stats.uid === uid && stats.gid === gid)).toBe(true);
  });
});

describe('a file that PostgreSQL archives', () => {
  inTurn(2).each([
    ['a segment', segmentNamed(11), undefined],
    ['a segment of a later timeline', segmentNamed(11, 3), undefined],
    ['a segment past 4 GB', segmentNamed(4096 * 7 + 4095), undefined],
    ['a history file', '00000002.history', historyText()],
    ['a backup history file', `${segmentNamed(3)}.00000028.backup`, backupText(segmentNamed(3))],
    ['a partial segment', `${segmentNamed(5)}.partial`, segmentBytes(segmentNamed(5))],
  ])('is stored silently, and again: %s', async (_, name, content) => {
    node.sandbox.file(`data/pg_wal/${name}`, content ?? segmentBytes(name));
    node.ready(name);

    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(silent([`created db2/${name}`]));
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(silent());

    const stored = readFileSync(node.path(`db2/${name}`));
    expect(stored.equals(readFileSync(node.path(`data/pg_wal/${name}`)))).toBe(true);
  });

  it('may have a first page of the parent’s timeline, as after a promotion', async () => {
    const name = node.segment(segmentNamed(12, 2), { timeline: 1 });
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(silent([`created db2/${name}`]));
  });

  it('may be named by an absolute path', async () => {
    const name = node.segment(segmentNamed(13));
    const path = join(node.dataDirectory, 'pg_wal', name);
    expect(await node.archive(path, name)).toEqual(silent([`created db2/${name}`]));
  });

  it('may end in zeros, as after a switch, or in pages of an older segment', async () => {
    const name = segmentNamed(14);
    const bytes = segmentBytes(name).fill(0, 3 * 8192);
    segmentBytes(segmentNamed(9)).copy(bytes, 64 * 8192, 64 * 8192);
    node.sandbox.file(`data/pg_wal/${name}`, bytes);
    node.ready(name);
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(silent([`created db2/${name}`]));
  });

  it('of a version newer than this program is stored with a warning', async () => {
    await using newer = await makeNode('archive-newer');
    newer.sandbox.file('data/global/pg_control', controlFile(ourCluster, 2001));
    const name = newer.segment(segmentNamed(15), { magic: 0xd1f0 });
    expect(await newer.archive(`pg_wal/${name}`, name)).toEqual({
      ...silent([`created db2/${name}`]),
      stderr:
        `archiveWALFile: WARNING:  ${name} was written by a version of PostgreSQL that this twowarm does not know (page magic 0xD1F0)\n` +
        'HINT:  Is there a newer twowarm?\n',
    });
  });
});

describe('a place that is laid out otherwise', () => {
  it('pg_wal is a symbolic link, as initdb -X makes it', async () => {
    await using apart = await makeNode('archive-waldir');
    mkdirSync(apart.path('disk'));
    renameSync(apart.path('data/pg_wal'), apart.path('disk/wal'));
    symlinkSync(apart.path('disk/wal'), apart.path('data/pg_wal'));
    const name = apart.segment(segmentNamed(2), {}, 'disk/wal');
    apart.sandbox.file(`disk/wal/archive_status/${name}.ready`, '');
    giveToServerUser(apart.path('disk'));
    expect(await apart.archive(`pg_wal/${name}`, name)).toEqual(silent([`created db2/${name}`]));
  });

  it('the destination has spaces, quotes and percent signs in its path', async () => {
    const odd = 'it is 100%f "odd" $HOME ü';
    await using spaced = await makeNode('archive-odd', {
      configuration: (path) => `[destination.db2]\nurl = 'file:${path(odd)}'\n`,
      directories: [odd],
    });
    const name = spaced.segment(segmentNamed(2));
    expect(await spaced.archive(`pg_wal/${name}`, name)).toEqual(silent([`created ${odd}/${name}`]));
  });

  it('the destination is a symbolic link to a directory', async () => {
    await using linked = await makeNode('archive-link', { used: false, directories: ['disk'] });
    symlinkSync(linked.path('disk'), linked.path('db2'));
    const name = linked.segment(segmentNamed(2));
    const { code, stderr, changed } = await linked.archive(`pg_wal/${name}`, name);
    expect({ code, stderr, stored: changed.includes(`created disk/${name}`) }).toEqual({
      code: 0,
      stderr: '',
      stored: true,
    });
  });

  it('the archive was filled by cp until now', async () => {
    const name = segmentNamed(3);
    await using adopted = await makeNode('archive-adopted', { used: false });
    adopted.segment(name, {}, 'db2');
    adopted.segment(name);
    const outcome = await adopted.archive(`pg_wal/${name}`, name);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.changed).toContain('created db2/.twowarm/owner');
    expect(outcome.changed).not.toContain(`changed db2/${name}`);
  });
});

it('a real server’s first segment is archived', async () => {
  await using sandbox = makeSandbox('archive-initdb');
  const postgres = findPostgres();
  const cluster = await createCluster(sandbox, { postgres, name: 'one', initdbArgs: ['--wal-segsize=1'] });
  const directory = sandbox.directory('db2');
  sandbox.directory('one/twowarm');
  const toml = `[node]\ndata_directory = '${cluster.dataDirectory}'\n${oneDestination(() => directory)}`;
  sandbox.file('one/twowarm/twowarm.toml', toml);
  // initdb filled some; the lowest name is the one it stopped in.
  const name = readdirSync(join(cluster.dataDirectory, 'pg_wal')).sort()[0]!;
  // initdb archives nothing; this server is never started.
  sandbox.file(`one/data/pg_wal/archive_status/${name}.ready`, '');
  const line = commandLine('archiveWALFile', `pg_wal/${name}`, name);
  expect(await shell(line, { cwd: cluster.dataDirectory })).toMatchObject({
    code: 0,
    stdout: '',
    stderr: '',
  });
  const original = readFileSync(join(cluster.dataDirectory, 'pg_wal', name));
  expect(readFileSync(join(directory, name)).equals(original)).toBe(true);
});

it.runIf(runsAsRoot())('root’s first call by hand leaves nothing that the server cannot use', async () => {
  await using fresh = await makeNode('archive-root', { used: false });
  const [first, second] = [fresh.segment(segmentNamed(2)), fresh.segment(segmentNamed(3))];
  const line = commandLine('archiveWALFile', `pg_wal/${first}`, first);
  expect(await fresh.sh(line, { user: 'self' })).toMatchObject({ code: 0, stderr: '' });

  const { stdout } = await run('find', [fresh.sandbox.path, '-uid', '0'], { user: 'self' });
  expect(stdout).toBe('');
  expect(await fresh.archive(`pg_wal/${second}`, second)).toEqual(silent([`created db2/${second}`]));
  expect(await fresh.archive(`pg_wal/${first}`, first)).toEqual(silent());
});
