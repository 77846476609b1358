// Where tablespaces and pg_wal may go.
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { NearOptions } from '../../../src/copying/near/near-target.ts';
import type { Outside } from '../../../src/copying/target.ts';
import { snapshot } from '../../harness/tree-snapshot.ts';
import { faultOf } from '../../program/fault.ts';
import { makeScene, neverStopped, send, sourceOf, versionDirectory, type Scene } from './scene.ts';

const at = (...locations: string[]): Outside => ({
  tablespaces: locations.map((location, index) => ({ oid: `${16385 + index}`, location })),
  walDirectory: undefined,
});
const walAt = (walDirectory: string): Outside => ({ tablespaces: [], walDirectory });

async function refusal(scene: Scene, outside: Outside, options: Partial<NearOptions> = {}) {
  const before = snapshot(scene.sandbox.path);
  const fault = await faultOf(() => scene.target(options).look(sourceOf(), outside, neverStopped));
  expect(snapshot(scene.sandbox.path)).toEqual(before);
  return fault;
}

describe('a tablespace is refused', () => {
  it('at a relative path, or under what is no oid', async () => {
    await using scene = makeScene('near');
    expect((await refusal(scene, at('space'))).message).toBe(
      'cannot copy into space: it is not an absolute path',
    );
    const tablespaces = [{ oid: '../base', location: scene.path('space') }];
    expect(await refusal(scene, { tablespaces, walDirectory: undefined })).toEqual({
      kind: 'target-path',
      message: '"../base" is no object ID of a tablespace',
    });
  });

  it('where something is that is not the one this data directory has already', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    scene.file('space/thesis.txt', 'x');
    const hint =
      'Choose another location with --tablespace-mapping, or remove what is there if nobody needs it.';
    expect(await refusal(scene, at(scene.path('space')))).toEqual({
      kind: 'target-unsuited',
      message: `cannot copy into ${scene.path('space')}: it is to be tablespace 16385, but is not empty`,
      detail: 'The data directory has no such tablespace yet.',
      hint,
    });
    scene.directory('elsewhere');
    scene.link(scene.path('elsewhere'), 'node/data/pg_tblspc/16385');
    expect((await refusal(scene, at(scene.path('space')))).detail).toBe(
      `The data directory has it at ${scene.path('elsewhere')}.`,
    );
  });

  it('where its parent does not exist, or where a file is', async () => {
    await using scene = makeScene('near');
    const location = scene.path('nowhere/space');
    expect(await refusal(scene, at(location))).toEqual({
      kind: 'directory-missing',
      message: `cannot create directory ${location}: ${scene.path('nowhere')} does not exist`,
      detail: 'It is to be tablespace 16385 of the copy.',
      hint: 'If a disk is to be mounted there, mount it; else create that directory.',
    });
    scene.file('space');
    expect((await refusal(scene, at(scene.path('space')))).message).toBe(
      `cannot copy into ${scene.path('space')}: it is not a directory`,
    );
  });

  it('in one location with another, and within the data directory', async () => {
    await using scene = makeScene('near');
    scene.directory('space');
    scene.link(scene.path('space'), 'alias');
    expect((await refusal(scene, at(scene.path('space'), scene.path('alias')))).message).toBe(
      `cannot copy into ${scene.path('alias')}: it would be tablespace 16385 and tablespace 16386 at once`,
    );
    scene.dataDirectory();
    const within = join(scene.data, 'space');
    expect((await refusal(scene, at(within))).message).toBe(
      `cannot copy into ${within}: tablespace 16385 would lie within the data directory, ${scene.data}`,
    );
    expect((await refusal(scene, at(scene.path('space'), scene.path('space/more')))).message).toBe(
      `cannot copy into ${scene.path('space/more')}: tablespace 16386 would lie within tablespace 16385, ${scene.path('space')}`,
    );
  });

  it('that would contain the data directory', async () => {
    await using scene = makeScene('near');
    scene.link(scene.node, 'node/data-link');
    // Empty: nothing else would refuse it.
    expect((await refusal(scene, at(scene.node))).message).toBe(
      `cannot copy into ${scene.node}: it is to be tablespace 16385, but is not empty`,
    );
    const fresh = scene.path('fresh');
    scene.directory('fresh');
    const fault = await refusal(scene, at(fresh), { directory: join(fresh, 'data') });
    expect(fault.message).toBe(
      `cannot copy into ${fresh}/data: the data directory would lie within tablespace 16385, ${fresh}`,
    );
  });

  it('outside of what is allowed, by whatever path', async () => {
    await using scene = makeScene('near');
    const spaces = scene.directory('spaces');
    scene.directory('other');
    scene.link(scene.path('other'), 'spaces/escape');
    const location = join(spaces, 'escape/space');
    expect(await refusal(scene, at(location), { allowed: [spaces] })).toEqual({
      kind: 'not-allowed',
      message: `cannot use ${location} for tablespace 16385: it is not in a directory that is allowed for that`,
      detail: `Allowed is what lies in ${spaces}.`,
    });
    expect((await refusal(scene, walAt(scene.path('wal')), { allowed: [] })).detail).toBe('None is allowed.');
    const free = scene.directory('free');
    for (const good of [free, join(free, 'space')]) {
      const found = await scene.target({ allowed: [free] }).look(sourceOf(), at(good), neverStopped);
      expect(found.state).toBe('missing');
    }
  });
});

describe('pg_wal is refused', () => {
  it('where something else is, or where its link leads nowhere', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    scene.file('wal/thesis.txt');
    expect(await refusal(scene, walAt(scene.path('wal')))).toEqual({
      kind: 'target-unsuited',
      message: `cannot copy into ${scene.path('wal')}: it is to be pg_wal, but is not empty`,
      hint: 'Name another directory, or remove what is there if nobody needs it.',
    });
  });

  it('that is a symbolic link to nothing: its disk may only not be mounted', async () => {
    await using scene = makeScene('near');
    scene.directory('node/data');
    scene.link(scene.path('unmounted'), 'node/data/pg_wal');
    scene.file('node/data/PG_VERSION', '15\n');
    scene.file(
      'node/data/.twowarm-copying',
      JSON.stringify({ ...sourceOf({ lsn: 0n }), begun: '', lsn: '' }),
    );
    expect(await refusal(scene, at())).toEqual({
      kind: 'target-unsuited',
      message: `cannot copy into ${scene.data}/pg_wal: it is a symbolic link to a directory that does not exist`,
      detail: `It leads to ${scene.path('unmounted')}.`,
      hint: 'Mount the disk of that directory, or remove the link.',
    });
  });

  it('whose archive_status is a symbolic link', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    scene.directory('elsewhere');
    scene.directory('wal');
    scene.link(scene.path('elsewhere'), 'wal/archive_status');
    const path = `${scene.data}/pg_wal`;
    const { rmSync } = await import('node:fs');
    rmSync(path, { recursive: true });
    scene.link(scene.path('wal'), 'node/data/pg_wal');
    expect(await refusal(scene, at())).toEqual({
      kind: 'target-path',
      message: `cannot write into "${path}/archive_status": it is a symbolic link`,
      detail: 'A base backup has a directory there.',
      hint: 'Move it away, and start the copy again.',
    });
  });
});

describe('a preparation', () => {
  it('makes the links of the plan, removes others, and leaves what those led to', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    scene.file('gone/PG_15_202209061/5/1', 'x');
    scene.file('moved/PG_15_202209061/5/1', 'x');
    scene.file('kept/PG_14_202107181/5/1', 'another version');
    scene.file('node/data/pg_tblspc/16388/PG_15_202209061/5/1', 'had no location');
    for (const [oid, name] of [
      ['16390', 'gone'],
      ['16385', 'moved'],
      ['16386', 'kept'],
    ] as const)
      scene.link(scene.path(name), `node/data/pg_tblspc/${oid}`);
    const locations = ['new', 'kept', 'fresh', 'own'].map((name) => scene.path(name));
    const { warnings } = await scene.target().prepare(sourceOf(), at(...locations), neverStopped);
    expect(warnings).toEqual([
      `the source has no tablespace 16390: its link was removed, and ${scene.path('gone')} was left as it is`,
      `tablespace 16385 was at ${scene.path('moved')}, which was left as it is`,
    ]);
    const links = join(scene.data, 'pg_tblspc');
    expect(readdirSync(links).map((name) => [name, readlinkSync(join(links, name))])).toEqual(
      locations.map((location, index) => [`${16385 + index}`, location]),
    );
    for (const name of ['gone', 'moved']) {
      expect(readFileSync(scene.path(`${name}/PG_15_202209061/5/1`), 'utf8')).toBe('x');
    }
    expect(readFileSync(scene.path('kept/PG_14_202107181/5/1'), 'utf8')).toBe('another version');
    expect(lstatSync(scene.path('new')).mode & 0o7777).toBe(0o700);
  });

  it('goes on with tablespaces that an interrupted copy has begun', async () => {
    await using scene = makeScene('near');
    const plan = at(scene.path('space'));
    for (const round of ['first', 'second']) {
      const target = scene.target();
      await target.prepare(sourceOf(), plan, neverStopped);
      const directory = `pg_tblspc/16385/${versionDirectory}`;
      await target.directory(directory, 0o700, neverStopped);
      expect(await send(target, `${directory}/1`, Buffer.from(round))).toBe('written');
      await target.close();
    }
    expect(readFileSync(scene.path(`space/${versionDirectory}/1`), 'utf8')).toBe('second');
  });

  it('puts pg_wal where it is to be, wherever it was', async () => {
    await using scene = makeScene('near');
    scene.dataDirectory();
    scene.file('node/data/pg_wal/000000010000000000000003', 'stale');
    for (const name of ['first', 'second']) {
      const target = scene.target();
      await target.prepare(sourceOf(), walAt(scene.path(name)), neverStopped);
      await target.close();
      expect(readlinkSync(join(scene.data, 'pg_wal'))).toBe(scene.path(name));
      expect(readdirSync(scene.path(name))).toEqual(['archive_status']);
    }
    expect(readdirSync(scene.path('first'))).toEqual([]);
    // Without a wish it stays.
    scene.file('second/000000010000000000000003', 'stale');
    scene.directory('second/lost+found');
    await scene.target().prepare(sourceOf(), at(), neverStopped);
    expect(readlinkSync(join(scene.data, 'pg_wal'))).toBe(scene.path('second'));
    expect(readdirSync(scene.path('second')).sort()).toEqual(['archive_status', 'lost+found']);
    expect(existsSync(join(scene.data, 'global/pg_control'))).toBe(false);
  });
});
