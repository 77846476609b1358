import { readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Outside } from '../../../src/copying/target.ts';
import { anotherCluster, ourCluster } from '../../harness/wal-files.ts';
import { snapshot } from '../../harness/tree-snapshot.ts';
import { faultOf } from '../../program/fault.ts';
import {
  controlBytes,
  giveAway,
  identityOf,
  makeScene,
  neverStopped,
  nothingOutside,
  sourceOf,
  versionDirectory,
  type Scene,
} from './scene.ts';

const look = (scene: Scene, source = sourceOf(), outside: Outside = nothingOutside) =>
  scene.target().look(source, outside, neverStopped);

/** The fault of a look, which must not have changed anything. */
async function refusal(scene: Scene, source = sourceOf(), outside: Outside = nothingOutside) {
  const before = snapshot(scene.sandbox.path);
  const fault = await faultOf(() => look(scene, source, outside));
  expect(await faultOf(() => scene.target().prepare(source, outside, neverStopped))).toEqual(fault);
  expect(snapshot(scene.sandbox.path)).toEqual(before);
  return fault;
}

const anotherDirectory = 'Name another directory, or move away or remove what is there if nobody needs it.';
const asTheServer =
  'That directory has to belong to the user that is to run the server, and the same user has to make the copy: over ssh it is the one that logs in.';
const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
const segment = '000000010000000000000004';

describe('a look at a target', () => {
  it('finds a directory that is not there yet', async () => {
    await using scene = makeScene('near');
    expect(await look(scene)).toEqual({
      state: 'missing',
      leftovers: [],
      tablespaces: [],
      roomBytes: expect.any(Number) as number,
      steps: [`create directory ${scene.data}`, 'copy all files'],
    });
  });

  it('finds an empty directory; what a file system puts there and what a killed copy left does not count', async () => {
    await using scene = makeScene('near');
    scene.directory('node/data/lost+found');
    scene.file('node/data/.twowarm-copying.lock', '999999999 1\n');
    scene.file('node/data/.tmp..twowarm-copying.0123456789abcdef.999999999.1.abc');
    expect(await look(scene)).toEqual({
      state: 'empty',
      leftovers: [],
      tablespaces: [],
      roomBytes: expect.any(Number) as number,
      steps: ['copy all files'],
    });
  });

  it('finds a data directory of the same cluster, what waits to be archived there, and says each step', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory({ state: 6 }, [segment, '00000001.history']);
    scene.file('node/data/postgresql.conf', "port = '5433'\n");
    scene.directory('old-space');
    scene.link(scene.path('old-space'), 'node/data/pg_tblspc/16390');
    const found = await look(scene, sourceOf(), {
      tablespaces: [{ oid: '16385', location: scene.path('space') }],
      walDirectory: scene.path('wal'),
    });
    const { quarantine } = found;
    expect(quarantine).toMatch(/\/node\/twowarm\/leftover-wal\/\d{8}T\d{6}Z-tl1$/);
    expect(found).toEqual({
      state: 'data-directory',
      timeline: 1,
      databaseState: 'in production',
      leftovers: ['00000001.history', segment],
      quarantine,
      walDirectory: scene.path('wal'),
      tablespaces: [{ oid: '16390', location: scene.path('old-space') }],
      steps: [
        `keep 2 files of WAL that wait to be archived in ${quarantine}`,
        `save the configuration of this node in ${scene.home}/saved-configuration`,
        'remove pg_control, so that no server can start there before the copy has ended',
        'remove signal files, recovery.conf, backup_label, postmaster.pid and what else its last server left',
        'empty pg_wal',
        `make pg_wal a symbolic link to ${scene.path('wal')}`,
        `remove the link to tablespace 16390, and leave ${scene.path('old-space')} as it is`,
        `put tablespace 16385 into ${scene.path('space')}`,
        'copy what differs, and remove what the source does not have',
      ],
    });
  });

  it('finds an interrupted copy of the same cluster', async () => {
    await using scene = makeScene('near');
    const target = scene.target();
    await target.prepare(sourceOf(), nothingOutside, neverStopped);
    await target.close();
    expect(await look(scene)).toEqual({
      state: 'unfinished',
      leftovers: [],
      tablespaces: [],
      steps: [
        'empty pg_wal',
        'go on with the copy that was interrupted, and remove what the source does not have',
      ],
    });
  });

  it('finds pg_wal where a symbolic link has it', async () => {
    await using scene = makeScene('near');
    scene.file('node/data/PG_VERSION', '15\n');
    scene.file('node/data/global/pg_control', controlBytes());
    scene.file(`wal/${segment}`, 'x');
    scene.file(`wal/archive_status/${segment}.ready`);
    scene.link(scene.path('wal'), 'node/data/pg_wal');
    expect(await look(scene)).toMatchObject({ walDirectory: scene.path('wal'), leftovers: [segment] });
  });

  it('throws the reason of a signal', async () => {
    await using scene = makeScene('near');
    const reason = new Error('enough');
    await expect(scene.target().look(sourceOf(), nothingOutside, AbortSignal.abort(reason))).rejects.toBe(
      reason,
    );
  });
});

describe('a target is refused', () => {
  it('that is a relative path', async () => {
    await using scene = makeScene('near');
    const target = scene.target({ directory: 'node/data' });
    expect(await faultOf(() => target.look(sourceOf(), nothingOutside, neverStopped))).toEqual({
      kind: 'target-unsuited',
      message: 'cannot copy into node/data: it is not an absolute path',
      detail: 'A copy has to know which directory is meant, whoever reads it.',
    });
  });

  it('whose parent does not exist', async () => {
    await using scene = makeScene('near');
    const directory = scene.path('nowhere/data');
    const target = scene.target({ directory });
    expect(await faultOf(() => target.look(sourceOf(), nothingOutside, neverStopped))).toEqual({
      kind: 'directory-missing',
      message: `cannot create directory ${directory}: ${scene.path('nowhere')} does not exist`,
      detail: 'It is to be the data directory of the copy.',
      hint: 'If a disk is to be mounted there, mount it; else create that directory.',
    });
  });

  it('that is a file, or a symbolic link to nothing', async () => {
    await using scene = makeScene('near');
    scene.file('node/data', 'x');
    expect(await refusal(scene)).toEqual({
      kind: 'target-unsuited',
      message: `cannot copy into ${scene.data}: it is not a directory`,
    });
    const dangling = scene.path('dangling');
    symlinkSync(scene.path('unmounted'), dangling);
    const target = scene.target({ directory: dangling });
    expect(await faultOf(() => target.look(sourceOf(), nothingOutside, neverStopped))).toEqual({
      kind: 'target-unsuited',
      message: `cannot copy into ${dangling}: it is a symbolic link to a directory that does not exist`,
      detail: `It leads to ${scene.path('unmounted')}.`,
      hint: 'Mount the disk of that directory, or remove the link.',
    });
  });

  it('that holds something else', async () => {
    await using scene = makeScene('near');
    scene.file('node/data/thesis.txt', 'x');
    expect(await refusal(scene)).toEqual({
      kind: 'target-unsuited',
      message: `cannot copy into ${scene.data}: it holds something else`,
      detail: 'It is not empty, and is no data directory of PostgreSQL.',
      hint: anotherDirectory,
    });
    scene.file('node/data/PG_VERSION', '15\n');
    expect((await refusal(scene)).detail).toBe(
      'It has a file PG_VERSION, but no global/pg_control to tell whose it is.',
    );
  });

  it('that has pg_control and no PG_VERSION', async () => {
    await using scene = makeScene('near');
    scene.file('node/data/global/pg_control', controlBytes());
    expect((await refusal(scene)).detail).toBe('It has a file global/pg_control, but no PG_VERSION.');
  });

  it('whose pg_control cannot be read', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    scene.file('node/data/global/pg_control', Buffer.alloc(8192));
    expect(await refusal(scene)).toEqual({
      kind: 'data-directory',
      message: `${scene.data}/global/pg_control is not a control file: it is too short or zero`,
    });
  });

  it('of another cluster', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory({ systemIdentifier: anotherCluster });
    expect(await refusal(scene)).toEqual({
      kind: 'wrong-cluster',
      message: `cannot copy into ${scene.data}: it is the data directory of another cluster`,
      detail: `Its system identifier is ${anotherCluster}; the source has ${ourCluster}.`,
      hint: anotherDirectory,
    });
  });

  it('that is an interrupted copy of another cluster', async () => {
    await using scene = makeScene('near');
    const other = scene.target();
    await other.prepare(sourceOf({ systemIdentifier: `${anotherCluster}` }), nothingOutside, neverStopped);
    await other.close();
    expect(await refusal(scene)).toEqual({
      kind: 'wrong-cluster',
      message: `cannot copy into ${scene.data}: it is the interrupted copy of another cluster`,
      detail: `Its system identifier is ${anotherCluster}; the source has ${ourCluster}.`,
      hint: anotherDirectory,
    });
  });

  it('whose note of an interrupted copy is damaged', async () => {
    await using scene = makeScene('near');
    scene.file('node/data/.twowarm-copying', '{"systemIdentifier":');
    expect(await refusal(scene)).toEqual({
      kind: 'unsafe-state',
      message: `file "${scene.data}/.twowarm-copying" is damaged`,
      detail: 'It says which cluster an interrupted copy is of.',
      hint: `If nothing in ${scene.data} is needed any more, remove that directory and start the copy again.`,
    });
  });

  it('of another major version', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    scene.file('node/data/PG_VERSION', '14\n');
    expect(await refusal(scene)).toEqual({
      kind: 'target-unsuited',
      message: `cannot copy into ${scene.data}: it is of another version of PostgreSQL`,
      detail: 'It is of version 14; the source has 15.',
    });
  });

  const makeSure =
    'Newer WAL comes from a promotion: make sure which node is to live on. Only if it is the source, stop what runs there, move that data directory away and start the copy again.';

  it('on a newer timeline', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory({ timeline: 2 });
    expect(await refusal(scene)).toEqual({
      kind: 'target-ahead',
      message: `cannot copy into ${scene.data}: it has a newer timeline than the source`,
      detail: 'It is on timeline 2; the source writes timeline 1.',
      hint: makeSure,
    });
    expect(await look(scene, sourceOf({ timeline: 2 }))).toMatchObject({
      state: 'data-directory',
      timeline: 2,
    });
  });

  it('that was promoted and has no checkpoint of its new timeline yet', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    scene.file('node/data/pg_wal/00000002.history', 'x');
    expect(await refusal(scene)).toEqual({
      kind: 'target-ahead',
      message: `cannot copy into ${scene.data}: it knows of a newer timeline than the source`,
      detail: 'There is a history file of timeline 2 in its pg_wal; the source writes timeline 1.',
      hint: makeSure,
    });
  });

  it('that holds WAL which the source does not have', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory({ checkpoint: 0x7000060n });
    expect(await refusal(scene)).toEqual({
      kind: 'target-ahead',
      message: `cannot copy into ${scene.data}: it holds WAL that the source does not have`,
      detail: 'Its last checkpoint is at 0/7000060 of timeline 1; the source has written up to 0/6000000.',
      hint: makeSure,
    });
    // What an old primary wrote beyond the fork is why it is copied again.
    expect(await look(scene, sourceOf({ timeline: 2 }))).toMatchObject({
      state: 'data-directory',
      timeline: 1,
    });
  });

  it('that is a directory of the source, by whatever path, or lies within one', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    scene.link(scene.data, 'node/other');
    const source = sourceOf({ boot, directories: [identityOf(scene.data)] });
    expect(await refusal(scene, source)).toEqual({
      kind: 'target-unsuited',
      message: `cannot copy into ${scene.data}: it is a directory of the source itself`,
    });
    const within = scene.path('node/other/base/copy');
    scene.directory('node/data/base');
    const target = scene.target({ directory: within });
    expect(await faultOf(() => target.look(source, nothingOutside, neverStopped))).toEqual({
      kind: 'target-unsuited',
      message: `cannot copy into ${within}: it lies within ${scene.data}, a directory of the source itself`,
    });
    // Another machine has other directories with the same numbers.
    expect(await look(scene, { ...source, boot: 'another' })).toMatchObject({ state: 'data-directory' });
  });

  it('whose new tablespace would be one of the source, whatever is in it', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    const space = scene.directory('space');
    scene.file(`space/${versionDirectory}/5/16390`, 'rows');
    const source = sourceOf({ boot, directories: [identityOf(space)] });
    const tablespaces = [{ oid: '16385', location: space }];
    expect(await refusal(scene, source, { tablespaces, walDirectory: undefined })).toEqual({
      kind: 'target-unsuited',
      message: `cannot copy into ${space}: it is a directory of the source itself`,
      hint: 'Choose another location with --tablespace-mapping: on one machine a tablespace cannot be at the same place twice.',
    });
  });

  it('whose pg_wal leads to where another cluster has its own', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    rmSync(`${scene.data}/pg_wal`, { recursive: true });
    scene.file('all-wal/main/000000010000000000000004', 'of the source');
    scene.file('all-wal/000000010000000000000004', 'own');
    scene.link(scene.path('all-wal'), 'node/data/pg_wal');
    expect(await refusal(scene)).toEqual({
      kind: 'target-unsuited',
      message: `cannot copy into ${scene.data}: its pg_wal holds the directory "main", which PostgreSQL does not make there`,
      detail: `All that is in ${scene.path('all-wal')} would be removed.`,
      hint: 'Move that directory away, or let pg_wal lead to a directory of its own.',
    });
  });

  it('whose pg_wal or tablespace is a directory of the source', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    const space = scene.directory('space');
    scene.file('space/PG_15/relation', 'x');
    const source = sourceOf({ boot, directories: [identityOf(space)] });
    const outside = { tablespaces: [{ oid: '16385', location: space }], walDirectory: undefined };
    const theirs = {
      kind: 'target-unsuited',
      message: `cannot copy into ${space}: it is a directory of the source itself`,
      hint: 'Choose another location with --tablespace-mapping: on one machine a tablespace cannot be at the same place twice.',
    };
    // Not "is not empty, remove what is there".
    expect(await refusal(scene, source, outside)).toEqual(theirs);
    scene.link(space, 'node/data/pg_tblspc/16385');
    expect(await refusal(scene, source, outside)).toEqual(theirs);
    const ofWal = sourceOf({ boot, directories: [identityOf(`${scene.data}/pg_wal`)] });
    expect((await refusal(scene, ofWal)).message).toBe(
      `cannot copy into ${scene.data}/pg_wal: it is a directory of the source itself`,
    );
  });

  it('that this process cannot write into', async () => {
    await using scene = makeScene('near');
    scene.directory('node/data');
    giveAway(scene.data);
    expect(await refusal(scene)).toEqual({
      kind: 'permission-denied',
      message: `cannot copy into ${scene.data}: ${scene.data} belongs to another user`,
      detail: `Its owner has the user ID 12345; this runs as ${process.geteuid!()}.`,
      hint: asTheServer,
    });
    expect(statSync(scene.data).uid).toBe(12345);
  });

  it('that another copy is at work in', async () => {
    await using scene = makeScene('near');
    await scene.target().prepare(sourceOf(), nothingOutside, neverStopped);
    expect(await refusal(scene)).toEqual({
      kind: 'busy',
      message: `cannot copy into ${scene.data}: another copy into it is at work, process ${process.pid}`,
      hint: 'Wait for it: one whose line was cut ends by itself within two minutes. If it hangs, end it and run this one again: it goes on from what is there.',
    });
  });
});
