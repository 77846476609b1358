// archiveWALFile and the places it stores at: several of them, and each way in which one can be unable to take a file.
import { chmodSync, chownSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { mountTmpfs } from '../harness/mounts.ts';
import { commandLine, makeNode, refused, silent, type NodeFixture } from '../harness/node-fixture.ts';
import { runsAsRoot } from '../harness/server-user.ts';
import { inTurn } from '../harness/share.ts';
import { anotherCluster, ourCluster, segmentBytes, segmentNamed } from '../harness/wal-files.ts';

const name = segmentNamed(0x21);
const error = (...lines: string[]): string => `archiveWALFile: ERROR:  ${lines.join('\n')}\n`;

const three = (path: (name: string) => string): string =>
  ['db2', 'db3', 'db4'].map((each) => `[destination.${each}]\nurl = 'file:${path(each)}'\n`).join('');

async function withThree(): Promise<NodeFixture> {
  const node = await makeNode('archive-three', { configuration: three, directories: ['db2', 'db3', 'db4'] });
  node.segment(name);
  return node;
}

async function withOne(): Promise<NodeFixture> {
  const node = await makeNode('archive-one');
  node.segment(name);
  return node;
}

const archive = (node: NodeFixture) => node.archive(`pg_wal/${name}`, name);

const noDirectory = (path: string): string =>
  `could not store ${name}: the archive directory ${path} does not exist\n` +
  'HINT:  If it is a mount, mount it. No program creates it: make a new one with mode 0700 as the owner of the data directory.';

describe('three destinations', () => {
  it('all get the file', async () => {
    await using node = await withThree();
    expect(await archive(node)).toEqual(
      silent(['created db2/', 'created db3/', 'created db4/'].map((each) => `${each}${name}`)),
    );
    for (const each of ['db2', 'db3', 'db4'])
      expect(readFileSync(node.path(`${each}/${name}`)).equals(segmentBytes(name))).toBe(true);
  });

  it('one of them missing: the others get it, the call fails, the next one completes it', async () => {
    await using node = await withThree();
    renameSync(node.path('db3'), node.path('away'));
    expect(await archive(node)).toEqual({
      ...refused(20, error(noDirectory(node.path('db3')))),
      changed: [`created db2/${name}`, `created db4/${name}`],
    });
    renameSync(node.path('away'), node.path('db3'));
    expect(await archive(node)).toEqual(silent([`created db3/${name}`]));
  });

  it('two of them failing: both are named', async () => {
    await using node = await withThree();
    rmSync(node.path('db2'), { recursive: true });
    node.segment(name, { content: 0x22 }, 'db4');
    const different = [
      `${name} exists at file:${node.path('db4')} with different content`,
      "DETAIL:  The archive's copy has 1048576 bytes, this one 1048576; they differ from byte 40 on. Neither was touched.",
      "HINT:  Two servers archive to one place, or a restored copy of the cluster does, or the archive's copy is damaged, or was archived by hand while PostgreSQL still wrote it. Find out which copy is right.",
    ];
    expect(await archive(node)).toEqual({
      ...refused(20, error(...different) + error(noDirectory(node.path('db2')))),
      changed: [`created db3/${name}`],
    });
  });
});

describe('a destination that is not there', () => {
  it('is a file', async () => {
    await using node = await withOne();
    rmSync(node.path('db2'), { recursive: true });
    writeFileSync(node.path('db2'), '');
    const message = error(
      `could not store ${name}: the archive directory ${node.path('db2')} is not a directory`,
    );
    expect(await archive(node)).toEqual(refused(20, message));
  });

  it('is empty where there was an archive: the disk is not mounted', async () => {
    await using node = await withOne();
    const directory = node.path('db2');
    rmSync(directory, { recursive: true });
    node.sandbox.directory('db2');
    const note = node.path(`twowarm/state/archives/${encodeURIComponent(directory).slice(-200)}`);
    const message = error(
      `could not store ${name}: the archive ${directory} has lost its .twowarm`,
      'DETAIL:  This node has seen it there before: an unmounted disk leaves an empty directory like this one.',
      `HINT:  Mount it. If it was emptied on purpose, remove ${note}.`,
    );
    expect(await archive(node)).toEqual(refused(20, message));
    rmSync(note);
    const { code, stderr } = await archive(node);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('a destination that is another archive of this cluster than before', () => {
  it('is refused: what was stored in the one is not in the other', async () => {
    await using node = await withOne();
    const directory = node.path('db2');
    const owner = { archive: 'fedcba9876543210', system_identifier: String(ourCluster) };
    node.sandbox.file('db2/.twowarm/owner', `${JSON.stringify(owner)}\n`);
    const note = node.path(`twowarm/state/archives/${encodeURIComponent(directory)}`);
    const message = error(
      `could not store ${name}: the archive ${directory} is another one than this node has used there`,
      'DETAIL:  Both belong to this cluster, but what was stored in the one is not in the other.',
      `HINT:  Mount the right disk. If it was replaced on purpose, remove ${note}.`,
    );
    expect(await archive(node)).toEqual(refused(20, message));
    expect(await node.archive('--dry-run', `pg_wal/${name}`, name)).toEqual(refused(20, message));
    rmSync(note);
    const { code, stderr } = await archive(node);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe.runIf(runsAsRoot())('a destination that is root’s', () => {
  inTurn(2).each([
    [
      0o700,
      (path: string) => `could not store ${name}: could not read ${path}/.twowarm/format: Permission denied`,
    ],
    [
      0o755,
      (path: string) =>
        `could not store ${name}: could not create the directory ${path}/.twowarm: Permission denied`,
    ],
  ])('with mode %o is as closed to root’s hand as it is to the server', async (mode, message) => {
    await using node = await makeNode('archive-roots', { used: false });
    node.segment(name);
    const first = node.segment(segmentNamed(1));
    const elsewhere = node.sandbox.file('twowarm/other.toml', '');
    const toml = `[node]\ndata_directory = '${node.dataDirectory}'\n[destination.db3]\nurl = 'file:${node.sandbox.directory('db3')}'\n`;
    node.sandbox.file('twowarm/other.toml', toml);
    // What a first call notes is noted.
    await node.archive('--config', elsewhere, `pg_wal/${first}`, first);
    chmodSync(node.path('db2'), mode);
    chownSync(node.path('db2'), 0, 0);
    for (const words of [[], ['--dry-run']]) {
      const line = commandLine('archiveWALFile', ...words, `pg_wal/${name}`, name);
      const [byServer, byRoot] = [await node.sh(line), await node.sh(line, { user: 'self' })];
      expect(byRoot).toEqual(byServer);
      if (words.length === 0) expect(byRoot).toEqual(refused(21, error(message(node.path('db2')))));
    }
    expect(readdirSync(node.path('db2'))).toEqual([]);
  });
});

describe('a destination that is closed', () => {
  it('may not be written', async () => {
    await using node = await withOne();
    chmodSync(node.path('db2'), 0o500);
    const outcome = await archive(node);
    chmodSync(node.path('db2'), 0o700);
    const message = error(
      `could not store ${name} at file:${node.path('db2')}: Permission denied`,
      'HINT:  The owner of the data directory must be able to read and write there.',
    );
    expect(outcome).toEqual(refused(21, message));
  });

  it('may not be entered', async () => {
    await using node = await withOne();
    chmodSync(node.path('db2'), 0o000);
    const outcome = await archive(node);
    chmodSync(node.path('db2'), 0o700);
    const message = error(
      `could not store ${name}: could not read ${node.path('db2/.twowarm/format')}: Permission denied`,
    );
    expect(outcome).toEqual(refused(21, message));
  });

  it('may not be written on its first use', async () => {
    await using node = await makeNode('archive-closed', { used: false });
    node.segment(name);
    chmodSync(node.path('db2'), 0o500);
    const { code, stderr } = await archive(node);
    expect(readdirSync(node.path('db2'))).toEqual([]);
    const message = error(
      `could not store ${name}: could not create the directory ${node.path('db2/.twowarm')}: Permission denied`,
    );
    expect({ code, stderr }).toEqual({ code: 21, stderr: message });
  });

  it('holds the name as a file the server may not read', async () => {
    await using node = await withOne();
    node.sandbox.file(`db2/${name}`, segmentBytes(name), 0o000);
    const message = error(
      `could not store ${name} at file:${node.path('db2')}: Permission denied`,
      'HINT:  The owner of the data directory must be able to read and write there.',
    );
    expect(await archive(node)).toEqual(refused(21, message));
  });
});

describe('a destination that is somebody else’s', () => {
  const foreign = (directory: string): string =>
    error(
      `could not store ${name}: the archive ${directory} belongs to another cluster`,
      `DETAIL:  It holds WAL of system identifier ${anotherCluster}; this cluster is ${ourCluster}.`,
      'HINT:  Give each cluster an archive directory of its own.',
    );

  it('is refused by its owner on record', async () => {
    await using node = await withOne();
    const owner = { archive: '0123456789abcdef', system_identifier: String(anotherCluster) };
    node.sandbox.file('db2/.twowarm/owner', `${JSON.stringify(owner)}\n`);
    expect(await archive(node)).toEqual(refused(13, foreign(node.path('db2'))));
  });

  it('is refused by the WAL in it when nobody is on record', async () => {
    await using node = await makeNode('archive-foreign', { used: false });
    node.segment(name);
    node.segment(segmentNamed(7), { systemIdentifier: anotherCluster }, 'db2');
    const { code, stderr, changed } = await archive(node);
    expect({ code, stderr }).toEqual({ code: 13, stderr: foreign(node.path('db2')) });
    expect(changed.filter((each) => each.includes('db2'))).toEqual([]);
  });

  inTurn(2).each([
    ['owner', '', (path: string) => [`could not store ${name}: ${path} is damaged or of an unknown version`]],
    [
      'owner',
      '{"archive": "x"}',
      (path: string) => [`could not store ${name}: ${path} is damaged or of an unknown version`],
    ],
    [
      'owner',
      'null',
      (path: string) => [`could not store ${name}: ${path} is damaged or of an unknown version`],
    ],
    [
      'format',
      'twowarm archive 2\n',
      (path: string) => [
        `could not store ${name}: ${path} is of an unknown version`,
        'DETAIL:  It says "twowarm archive 2"; this version knows "twowarm archive 1".',
      ],
    ],
  ])('is refused: its %s says %j', async (file, text, lines) => {
    await using node = await withOne();
    const path = node.sandbox.file(`db2/.twowarm/${file}`, text);
    expect(await archive(node)).toEqual(refused(25, error(...lines(path))));
  });
});

describe.runIf(runsAsRoot())('a disk', () => {
  it('that is full takes nothing and keeps nothing', async () => {
    await using node = await makeNode('archive-full', { used: false });
    using disk = mountTmpfs(node.path('db2'), 'size=512k');
    node.segment(name);
    await archive(node);
    const message = error(
      `could not store ${name} at file:${node.path('db2')}: No space left on device`,
      'HINT:  PostgreSQL keeps the file and tries again. Make room there before pg_wal is full, too.',
    );
    expect(await archive(node)).toEqual(refused(23, message));
    expect(readdirSync(node.path('db2'))).toEqual(['.twowarm']);
    disk.remount('size=8m');
    expect(await archive(node)).toEqual(silent([`created db2/${name}`]));
  });

  it('that is mounted read-only takes nothing', async () => {
    await using node = await makeNode('archive-read-only', { used: false });
    using disk = mountTmpfs(node.path('db2'), 'size=8m');
    const first = node.segment(segmentNamed(1));
    expect(await node.archive(`pg_wal/${first}`, first)).toMatchObject({ code: 0 });
    disk.remount('ro');
    node.segment(name);
    const message = error(`could not store ${name} at file:${node.path('db2')}: Read-only file system`);
    expect(await archive(node)).toEqual(refused(22, message));
  });

  it('that is full or read-only under the home does not stop archiving', async () => {
    await using node = await withOne();
    using disk = mountTmpfs(node.sandbox.directory('small'), 'size=64k');
    const [home, fill] = [node.path('small/twowarm'), node.path('small/fill')];
    await node.sh(`cp -a ${node.home} ${home}; head -c 1m /dev/zero > ${fill}`);
    const next = node.segment(segmentNamed(0x22));
    const call = (file: string) =>
      node.sh(commandLine('archiveWALFile', `pg_wal/${file}`, file), { env: { TWOWARM_HOME: home } });
    expect(await call(name)).toEqual(silent([`created db2/${name}`]));
    disk.remount('ro');
    expect(await call(next)).toEqual(silent([`created db2/${next}`]));
  });
});
