import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { closeToServers } from '../../../src/copying/near/close-to-servers.ts';
import { mountTmpfs } from '../../harness/mounts.ts';
import { startProgram } from '../../harness/run.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { segmentBytes, segmentNamed } from '../../harness/wal-files.ts';
import { faultOf } from '../../program/fault.ts';
import { treeOf } from '../../transport/archives.ts';
import {
  controlBytes,
  giveAway,
  makeScene,
  nodeId,
  neverStopped,
  nothingOutside,
  sourceOf,
  type Scene,
} from './scene.ts';

async function prepare(scene: Scene) {
  const target = scene.target();
  const prepared = await target.prepare(sourceOf(), nothingOutside, neverStopped);
  await target.close();
  return prepared;
}

const segment = '000000010000000000000004';
const marked = [
  '00000001.history',
  segment,
  `${segment}.00000028.backup`,
  '000000010000000000000005.partial',
];
const saved = (scene: Scene): string[] =>
  existsSync(`${scene.home}/saved-configuration`)
    ? readdirSync(`${scene.home}/saved-configuration`).filter((name) => !name.startsWith('.'))
    : [];

describe('a preparation', () => {
  it('makes a directory that was missing, closed to others, with an empty pg_wal and a note', async () => {
    await using scene = makeScene('near');
    expect(await prepare(scene)).toEqual({ quarantined: [], warnings: [] });
    expect(statSync(scene.data).mode & 0o7777).toBe(0o700);
    expect(treeOf(scene.data)).toEqual(['.twowarm-copying', 'pg_wal/', 'pg_wal/archive_status/']);
    const note = JSON.parse(readFileSync(`${scene.data}/.twowarm-copying`, 'utf8')) as Record<string, string>;
    expect(note).toEqual({
      what: 'a base backup is being copied into this directory, which no server can start in before that has ended',
      systemIdentifier: sourceOf().systemIdentifier,
      version: '15',
      begun: note['begun'],
    });
    expect(note['begun']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(existsSync(scene.home)).toBe(false);
  });

  it('takes away what lets a server start or would mislead it, and nothing else', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    const gone = [
      'standby.signal',
      'recovery.signal',
      'recovery.conf',
      'recovery.done',
      'promote',
      'fallback_promote',
      'logrotate',
      'current_logfiles',
      'postmaster.pid',
      'postmaster.opts',
      'backup_label',
      'backup_label.old',
      'tablespace_map',
      'tablespace_map.old',
      'backup_manifest',
    ];
    for (const name of gone) scene.file(`node/data/${name}`, '999999999\n');
    scene.file('node/data/base/5/1259', 'x');
    scene.file('node/data/somebody/thesis.txt', 'x');
    chmodSync(scene.data, 0o755);
    await prepare(scene);
    expect(treeOf(scene.data)).toEqual([
      '.twowarm-copying',
      'PG_VERSION',
      'base/',
      'base/5/',
      'base/5/1259',
      'global/',
      'pg_tblspc/',
      'pg_wal/',
      'pg_wal/archive_status/',
      'somebody/',
      'somebody/thesis.txt',
    ]);
    // PostgreSQL does not start in a directory that others may enter.
    expect(statSync(scene.data).mode & 0o7777).toBe(0o700);
    expect(saved(scene)).toHaveLength(1);
  });

  it('leaves a directory that the group may read as it is', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    chmodSync(scene.data, 0o750);
    await prepare(scene);
    expect(statSync(scene.data).mode & 0o7777).toBe(0o750);
  });

  it('keeps all that waits to be archived in quarantine, under new names on the same disk', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory({}, marked);
    scene.file('node/data/pg_wal/000000010000000000000003', 'archived');
    scene.file('node/data/pg_wal/archive_status/000000010000000000000003.done');
    scene.file('node/data/pg_wal/archive_status/000000010000000000000002.ready');
    const { ino } = statSync(`${scene.data}/pg_wal/${segment}`);
    const { quarantined, warnings } = await prepare(scene);
    const [room, ...more] = readdirSync(`${scene.home}/leftover-wal`);
    expect(more).toEqual([]);
    expect(room).toMatch(/^\d{8}T\d{6}Z-tl1$/);
    expect(quarantined).toEqual(
      [...marked].sort().map((name) => `${scene.home}/leftover-wal/${room}/${name}`),
    );
    for (const name of marked) {
      expect(readFileSync(`${scene.home}/leftover-wal/${room}/${name}`, 'utf8')).toBe(
        `the content of ${name}`,
      );
    }
    expect(statSync(`${scene.home}/leftover-wal/${room}/${segment}`)).toMatchObject({ ino, nlink: 1 });
    expect(statSync(scene.home).mode & 0o7777).toBe(0o700);
    expect(warnings).toEqual([
      `000000010000000000000002 was marked to be archived in ${scene.data}, but is not in its pg_wal`,
    ]);
    expect(readdirSync(`${scene.data}/pg_wal`)).toEqual(['archive_status']);
    expect(readdirSync(`${scene.data}/pg_wal/archive_status`)).toEqual([]);
  });

  it.each([
    ['died', 6, 1],
    ['was shut down', 1, 0],
  ])('keeps what a primary that %s was writing, and nobody has marked', async (_, state, count) => {
    await using scene = makeScene('near');
    scene.dataDirectory({ state });
    const [archived, last, recycled, fresh] = [8, 9, 10, 11].map((number) => segmentNamed(number)) as [
      ...[string, string, string, string],
    ];
    scene.file(`node/data/pg_wal/${archived}`, segmentBytes(archived));
    scene.file(`node/data/pg_wal/archive_status/${archived}.done`);
    scene.file(`node/data/pg_wal/${last}`, segmentBytes(last));
    scene.file(`node/data/pg_wal/${recycled}`, segmentBytes(segmentNamed(3)));
    scene.file(`node/data/pg_wal/${fresh}`, Buffer.alloc(1024 * 1024));
    const { quarantined } = await prepare(scene);
    expect(quarantined.map((path) => path.slice(-24))).toEqual([last].slice(0, count));
    for (const path of quarantined) expect(readFileSync(path)).toEqual(segmentBytes(last));
  });

  it('copies what waits to be archived where it lies on another disk', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    rmSync(`${scene.data}/pg_wal`, { recursive: true });
    using disk = mountTmpfs(scene.directory('disk'), 'size=1m');
    disk.remount('size=2m');
    scene.file(`disk/wal/${segment}`, 'the content');
    scene.file(`disk/wal/archive_status/${segment}.ready`);
    scene.link(scene.path('disk/wal'), 'node/data/pg_wal');
    const { quarantined } = await prepare(scene);
    expect(quarantined.map((path) => readFileSync(path, 'utf8'))).toEqual(['the content']);
    expect(treeOf(scene.path('disk/wal'))).toEqual(['archive_status/']);
  });

  it('changes nothing where what waits to be archived cannot be kept', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory({}, [segment]);
    scene.file('node/twowarm', 'in the way of the home');
    const before = treeOf(scene.data);
    expect(await faultOf(() => prepare(scene))).toEqual({
      kind: 'target-unsuited',
      message: `cannot copy into ${scene.home}: it is not a directory`,
    });
    expect(treeOf(scene.data)).toEqual(before);
  });

  it('changes nothing where the home is not ours to write into', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory({}, [segment]);
    giveAway(scene.directory('node/twowarm'));
    const before = treeOf(scene.path('node'));
    expect(await faultOf(() => prepare(scene))).toEqual({
      kind: 'permission-denied',
      message: `cannot copy into ${scene.home}: ${scene.home} belongs to another user`,
      detail: `Its owner has the user ID 12345; this runs as ${process.geteuid!()}.`,
      hint: "What must not be lost is put there. Create it as a directory of the data directory's owner, with mode 0700.",
    });
    expect(treeOf(scene.path('node'))).toEqual(before);
  });

  it('uses the home that is named after the data directory where there is one', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory({}, [segment]);
    scene.directory('node/twowarm-data');
    const { quarantined } = await prepare(scene);
    expect(quarantined[0]).toMatch(new RegExp(`^${scene.node}/twowarm-data/leftover-wal/`));
  });
});

describe('a server that was started in the moment before pg_control goes', () => {
  it('keeps it', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    // What counts is a process that works there and is named by postmaster.pid.
    const server = startProgram('sleep', ['60'], { cwd: scene.data, user: 'self' });
    scene.file('node/data/postmaster.pid', `${server.pid}\n`);
    await waitFor('the process', () => readlinkSync(`/proc/${server.pid}/cwd`) === scene.data);
    const before = treeOf(scene.data);
    expect((await faultOf(() => closeToServers(scene.data, nodeId))).kind).toBe('target-in-use');
    expect(treeOf(scene.data)).toEqual(before);
    server.kill('SIGKILL');
    await server.result;
    await closeToServers(scene.data, nodeId);
    expect(existsSync(`${scene.data}/global/pg_control`)).toBe(false);
  });
});

describe("the node's own configuration", () => {
  it('is saved with its modes before it can be overwritten, also where it is a symbolic link', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    scene.file('node/data/pg_hba.conf', 'local all all peer\n', 0o640);
    scene.file('node/data/recovery.conf', "standby_mode = 'on'\n");
    scene.file('etc/postgresql.conf', 'port = 5433\n', 0o644);
    scene.link(scene.path('etc/postgresql.conf'), 'node/data/postgresql.conf');
    await prepare(scene);
    const [name, ...more] = saved(scene);
    expect(more).toEqual([]);
    expect(name).toMatch(/^\d{8}T\d{6}Z$/);
    const room = join(scene.home, 'saved-configuration', name!);
    const found = readdirSync(room).map((file) => {
      const { mode } = lstatSync(join(room, file));
      return [file, (mode & 0o170_777).toString(8), readFileSync(join(room, file), 'utf8')];
    });
    expect(found).toEqual([
      ['pg_hba.conf', '100640', 'local all all peer\n'],
      ['postgresql.conf', '100644', 'port = 5433\n'],
      ['recovery.conf', '100600', "standby_mode = 'on'\n"],
    ]);
    expect(readlinkSync(`${scene.data}/postgresql.conf`)).toBe(scene.path('etc/postgresql.conf'));
  });

  it('is saved under a later name each time, even when the clock was set back', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    scene.file('node/data/postgresql.conf', 'port = 5433\n');
    scene.file('node/twowarm/saved-configuration/29990101T000000Z/postgresql.conf', 'x');
    for (const round of [1, 2]) {
      await prepare(scene);
      scene.dataDirectory();
      expect(saved(scene).at(-1)).toBe(`29990101T000000Z-000${round}`);
    }
  });

  it('is not what an interrupted copy has brought', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    scene.file('node/data/postgresql.conf', 'port = 5433\n');
    await prepare(scene);
    writeFileSync(`${scene.data}/postgresql.conf`, "the source's");
    await prepare(scene);
    expect(saved(scene)).toHaveLength(1);
  });

  it('is not what a finished copy has brought, until somebody changes it', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    scene.file('node/data/postgresql.conf', 'port = 5433\n');
    const target = scene.target();
    await target.prepare(sourceOf(), nothingOutside, neverStopped);
    await target.directory('global', 0o700, neverStopped);
    writeFileSync(`${scene.data}/postgresql.conf`, "the source's");
    await target.finish(controlBytes(), neverStopped);
    await prepare(scene);
    expect(saved(scene)).toHaveLength(1);
    scene.dataDirectory();
    writeFileSync(`${scene.data}/postgresql.conf`, 'port = 5434\n');
    await prepare(scene);
    const all = saved(scene);
    expect(all).toHaveLength(2);
    const newest = readFileSync(`${scene.home}/saved-configuration/${all.at(-1)}/postgresql.conf`, 'utf8');
    expect(newest).toBe('port = 5434\n');
  });
});

describe('a preparation of what is not empty', () => {
  it('refuses before it takes the lock', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory({ timeline: 3 });
    await expect(prepare(scene)).rejects.toThrow('it has a newer timeline than the source');
    expect(treeOf(scene.data).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('goes on in a directory that a killed preparation has left', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory({}, [segment]);
    scene.file('node/data/.twowarm-copying.lock', '999999999 1\n');
    linkSync(`${scene.data}/pg_wal/${segment}`, scene.path('another'));
    const { quarantined } = await prepare(scene);
    expect(quarantined.map((path) => readFileSync(path, 'utf8'))).toEqual([`the content of ${segment}`]);
  });
});
