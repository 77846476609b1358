// Paths that a copy was given by somebody else: nothing is ever written or removed outside of the data directory.
import { existsSync, lstatSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Outside } from '../../../src/copying/target.ts';
import { faultOf } from '../../program/fault.ts';
import { treeOf } from '../../transport/archives.ts';
import {
  makeScene,
  neverStopped,
  nothingOutside,
  send,
  sourceOf,
  versionDirectory,
  type Scene,
} from './scene.ts';

async function prepared(scene: Scene, outside: Outside = nothingOutside) {
  const target = scene.target();
  await target.prepare(sourceOf(), outside, neverStopped);
  return target;
}

const withSpace = (scene: Scene): Outside => ({
  tablespaces: [{ oid: '16385', location: scene.path('space') }],
  walDirectory: undefined,
});

describe('a path', () => {
  it.each(['/etc/passwd', '../x', 'base/../../x', 'base//x', 'base/.', 'base/x/', '.', 'base/a\0b', '..'])(
    'is refused where a part of it is no plain name: %j',
    async (path) => {
      await using scene = makeScene('near');
      const target = await prepared(scene);
      await target.directory('base', 0o700, neverStopped);
      const refused = {
        kind: 'target-path',
        message: `cannot write to "${path}": that is no path within a data directory`,
      };
      expect(await faultOf(() => target.file(path, 0o600, neverStopped))).toEqual(refused);
      expect(await faultOf(() => target.directory(path, 0o700, neverStopped))).toEqual(refused);
      expect(await faultOf(() => target.sweep(path, new Set(), neverStopped))).toEqual(refused);
    },
  );

  it.each(['', 'global/pg_control', 'postmaster.pid', 'standby.signal', 'recovery.signal', 'recovery.conf'])(
    'is refused where it is no file of a base backup: %j',
    async (path) => {
      await using scene = makeScene('near');
      const target = await prepared(scene);
      await target.directory('global', 0o700, neverStopped);
      expect(await faultOf(() => target.file(path, 0o600, neverStopped))).toEqual({
        kind: 'target-path',
        message: `cannot write to "${path}": that is no file of a base backup`,
      });
    },
  );

  it('is refused where it is that of the note or of the lock', async () => {
    await using scene = makeScene('near');
    const target = await prepared(scene);
    for (const name of ['.twowarm-copying', '.twowarm-copying.lock']) {
      expect((await faultOf(() => target.file(name, 0o600, neverStopped))).kind).toBe('target-path');
    }
  });

  it('is refused in the location of a tablespace but in the directory of this cluster there', async () => {
    await using scene = makeScene('near');
    const target = await prepared(scene, withSpace(scene));
    const path = 'pg_tblspc/16385/PG_14_202107181';
    expect(await faultOf(() => target.directory(path, 0o700, neverStopped))).toEqual({
      kind: 'target-path',
      message: `cannot write to "${path}": that is not a directory of this cluster`,
    });
    await target.directory('pg_tblspc/16385', 0o700, neverStopped);
    await target.directory(`pg_tblspc/16385/${versionDirectory}`, 0o700, neverStopped);
    expect(await send(target, `pg_tblspc/16385/${versionDirectory}/1`, Buffer.from('x'))).toBe('written');
    expect(readFileSync(scene.path(`space/${versionDirectory}/1`), 'utf8')).toBe('x');
  });
});

describe('a directory', () => {
  it('is made, or gets its mode; the data directory itself has the empty path', async () => {
    await using scene = makeScene('near');
    const target = await prepared(scene);
    scene.directory('node/data/base');
    for (const path of ['', 'base', 'base/5']) await target.directory(path, 0o750, neverStopped);
    const modes = ['', '/base', '/base/5'].map((path) => statSync(`${scene.data}${path}`).mode & 0o7777);
    expect(modes).toEqual([0o750, 0o750, 0o750]);
  });

  it('that is a symbolic link or a file is refused, and nothing goes through it', async () => {
    await using scene = makeScene('near');
    const target = await prepared(scene);
    scene.file('outside/1', 'untouched');
    scene.link(scene.path('outside'), 'node/data/base');
    scene.file('node/data/global', 'x');
    const refused = (name: string, why: string) => ({
      kind: 'target-path',
      message: `cannot write into "${scene.data}/${name}": it ${why}`,
      detail: 'A base backup has a directory there.',
      hint: 'Move it away, and start the copy again.',
    });
    const link = refused('base', 'is a symbolic link');
    expect(await faultOf(() => target.directory('base', 0o700, neverStopped))).toEqual(link);
    expect(await faultOf(() => target.file('base/1', 0o600, neverStopped))).toEqual(link);
    expect(await faultOf(() => target.directory('base/5', 0o700, neverStopped))).toEqual(link);
    expect(await faultOf(() => target.sweep('base', new Set(), neverStopped))).toEqual(link);
    expect(await faultOf(() => target.directory('global', 0o700, neverStopped))).toEqual(
      refused('global', 'is not a directory'),
    );
    expect(treeOf(scene.path('outside'))).toEqual(['1']);
    expect(readFileSync(scene.path('outside/1'), 'utf8')).toBe('untouched');
  });

  it('has to be there before what is in it', async () => {
    await using scene = makeScene('near');
    const target = await prepared(scene);
    expect((await faultOf(() => target.file('base/5/1', 0o600, neverStopped))).message).toBe(
      `could not look at directory "${scene.data}/base": No such file or directory`,
    );
  });
});

describe('a sweep', () => {
  it('removes what the source does not have, with all below, and follows no link', async () => {
    await using scene = makeScene('near');
    const target = await prepared(scene);
    scene.file('outside/1', 'untouched');
    for (const name of ['1', '2', '16384/1', '16384/below/2', 'lost+found/x']) {
      scene.file(`node/data/base/${name}`, 'x');
    }
    scene.link(scene.path('outside'), 'node/data/base/link');
    scene.link(scene.path('outside'), 'node/data/base/16384/link');
    await target.directory('base', 0o700, neverStopped);
    // 2, the link, and 16384 with its two files, its directory and its link.
    expect(await target.sweep('base', new Set(['1']), neverStopped)).toBe(7);
    expect(treeOf(`${scene.data}/base`)).toEqual(['1', 'lost+found/', 'lost+found/x']);
    expect(readFileSync(scene.path('outside/1'), 'utf8')).toBe('untouched');
    // What it has removed is made again.
    await target.directory('base/16384', 0o700, neverStopped);
    expect(await send(target, 'base/16384/1', Buffer.from('x'))).toBe('written');
  });

  it.each(['', 'conf.d', 'pg_log', 'log', 'somebody'])(
    'of %j removes nothing: it may be anybody’s',
    async (path) => {
      await using scene = makeScene('near');
      const target = await prepared(scene);
      scene.file('node/data/thesis.txt', 'x');
      for (const name of ['conf.d', 'pg_log', 'log', 'somebody']) scene.file(`node/data/${name}/1`, 'x');
      const before = treeOf(scene.data);
      expect(await target.sweep(path, new Set(), neverStopped)).toBe(0);
      expect(treeOf(scene.data)).toEqual(before);
    },
  );

  it('of a directory that is not there has nothing to do', async () => {
    await using scene = makeScene('near');
    const target = await prepared(scene);
    expect(await target.sweep('pg_xact', new Set(), neverStopped)).toBe(0);
    expect(await target.sweep('base/5', new Set(), neverStopped)).toBe(0);
  });

  it('of tablespaces removes only from the directory of this cluster, and no link of the plan', async () => {
    await using scene = makeScene('near');
    const target = await prepared(scene, withSpace(scene));
    scene.file('space/PG_14_202107181/1', 'another version');
    scene.file('space/thesis.txt', 'x');
    scene.file(`space/${versionDirectory}/5/1`, 'x');
    scene.file(`space/${versionDirectory}/6/1`, 'x');
    expect(await target.sweep('pg_tblspc/16385', new Set(), neverStopped)).toBe(0);
    expect(await target.sweep(`pg_tblspc/16385/${versionDirectory}`, new Set(['5']), neverStopped)).toBe(2);
    scene.file('node/data/pg_tblspc/16390/1', 'had no location');
    scene.link(scene.path('space'), 'node/data/pg_tblspc/stray');
    expect(await target.sweep('pg_tblspc', new Set(), neverStopped)).toBe(3);
    expect(treeOf(scene.path('space'))).toEqual([
      'PG_14_202107181/',
      'PG_14_202107181/1',
      `${versionDirectory}/`,
      `${versionDirectory}/5/`,
      `${versionDirectory}/5/1`,
      'thesis.txt',
    ]);
    expect(lstatSync(`${scene.data}/pg_tblspc/16385`).isSymbolicLink()).toBe(true);
    expect(existsSync(`${scene.data}/pg_tblspc/stray`)).toBe(false);
  });
});
