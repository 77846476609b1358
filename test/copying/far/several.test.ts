// Small files on their way to a data directory behind a real OpenSSH server, many at once: what arrives, what is offered only, and
// what stands in their way.
import { chmodSync, existsSync, linkSync, lstatSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chunkBytes, type Target, type WholeFile } from '../../../src/copying/target.ts';
import { faultOf } from '../../program/fault.ts';
import { giveToServerUser } from '../../harness/server-user.ts';
import { neverStopped, nothingOutside, sourceOf } from '../near/scene.ts';
import { colliding } from '../../backup/source/page-checksum.ts';
import { changed, dense, page, shrinking } from './bytes.ts';
import { contentOf, farScene, prepared, type FarScene } from './scene.ts';

let scene: FarScene;
let directory: string;
let target: Target;

beforeAll(async () => {
  scene = await farScene('far-several');
  directory = scene.place();
  target = await prepared(scene, directory);
});

afterAll(() => scene[Symbol.asyncDispose]());

const fileOf = (name: string, bytes: Buffer, mode = 0o600): WholeFile => ({
  ...{ name, mode, bytes },
});

/** A directory of its own in the target. */
async function room(name: string, to = target): Promise<string> {
  const path = `base/${name}`;
  await to.directory(path, 0o700, neverStopped);
  return path;
}

const several = (path: string, files: readonly WholeFile[], to = target): Promise<'written' | 'other'> =>
  to.several(path, files, neverStopped);

async function trafficOf(work: () => Promise<unknown>): Promise<number> {
  const before = target.traffic.sentBytes + target.traffic.receivedBytes;
  await work();
  return target.traffic.sentBytes + target.traffic.receivedBytes - before;
}

const kinds: [string, Buffer][] = [
  ['empty', Buffer.alloc(0)],
  ['one byte', Buffer.from('x')],
  ['a page', dense(page, 1)],
  ['pages and a part of one', shrinking(3 * page + 17, 2)],
  ['strange \n näme', dense(1000, 3)],
];

describe('small files', () => {
  it('arrive as they are, with their modes, and once more over themselves', async () => {
    const path = await room('kinds');
    for (const mode of [0o640, 0o600]) {
      expect(
        await several(
          path,
          kinds.map(([name, bytes]) => fileOf(name, bytes, mode)),
        ),
      ).toBe('written');
      for (const [name, bytes] of kinds) {
        expect([name, contentOf(directory, `${path}/${name}`).equals(bytes)]).toEqual([name, true]);
        expect(statSync(join(directory, path, name)).mode & 0o7777).toBe(mode);
      }
    }
    expect(readdirSync(join(directory, path)).sort()).toEqual(kinds.map(([name]) => name).sort());
  });

  it('fill a chunk, as one or as many', async () => {
    const path = await room('full');
    const one = dense(chunkBytes, 4);
    expect(await several(path, [fileOf('one', one)])).toBe('written');
    expect(contentOf(directory, `${path}/one`).equals(one)).toBe(true);
    const many = Array.from({ length: 128 }, (_, at) => dense(chunkBytes / 128, at));
    expect(
      await several(
        path,
        many.map((bytes, at) => fileOf(`many-${at}`, bytes)),
      ),
    ).toBe('written');
    for (const [at, bytes] of many.entries())
      expect(contentOf(directory, `${path}/many-${at}`).equals(bytes), `${at}`).toBe(true);
  });

  it('arrive at a new target, where nothing is offered', async () => {
    const place = scene.place();
    const fresh = await scene.open(place);
    await fresh.look(sourceOf(), nothingOutside, neverStopped);
    await fresh.prepare(sourceOf(), nothingOutside, neverStopped);
    await fresh.directory('base', 0o700, neverStopped);
    for (const seed of [1, 2]) {
      const files = kinds.map(([name, bytes]) => fileOf(name, Buffer.concat([bytes, dense(seed, seed)])));
      expect(await several('base', files, fresh)).toBe('written');
      for (const { name, bytes } of files)
        expect([name, contentOf(place, `base/${name}`).equals(bytes)]).toEqual([name, true]);
    }
  });

  it('that are there are offered only, and those that differ follow', async () => {
    const path = await room('offered');
    const files = Array.from({ length: 50 }, (_, at) => fileOf(`${at}`, dense(page, at)));
    const first = await trafficOf(() => several(path, files));
    expect(first).toBeGreaterThan(50 * page);
    const again = await trafficOf(() => several(path, files));
    expect(again).toBeLessThan(10_000);
    const some = files.map((file, at) => (at % 25 === 7 ? fileOf(file.name, changed(file.bytes, 0)) : file));
    const few = await trafficOf(() => several(path, some));
    expect(few).toBeGreaterThan(2 * page);
    expect(few).toBeLessThan(2 * page + 12_000);
    for (const { name, bytes } of some)
      expect(contentOf(directory, `${path}/${name}`).equals(bytes), name).toBe(true);
  });

  it('grow, shrink, and take the place of what only seems to be the same', async () => {
    const path = await room('changing');
    const bytes = dense(2 * page, 9);
    for (const now of [bytes, bytes.subarray(0, page + 3), Buffer.alloc(0), colliding(bytes), bytes]) {
      expect(await several(path, [fileOf('file', now)])).toBe('written');
      expect(contentOf(directory, `${path}/file`).equals(now)).toBe(true);
    }
  });

  it('have their modes without travelling', async () => {
    const path = await room('modes');
    const bytes = dense(4 * page, 10);
    await several(path, [fileOf('file', bytes)]);
    expect(await trafficOf(() => several(path, [fileOf('file', bytes, 0o640)]))).toBeLessThan(2000);
    expect(statSync(join(directory, path, 'file')).mode & 0o7777).toBe(0o640);
  });

  it('travel beside many others', async () => {
    const path = await room('beside');
    const groups = Array.from({ length: 60 }, (_, group) =>
      Array.from({ length: 10 }, (_unused, at) => fileOf(`${group}-${at}`, dense(group * at * 50, at))),
    );
    // More than the receiver takes conversations.
    expect(new Set(await Promise.all(groups.map((files) => several(path, files))))).toEqual(
      new Set(['written']),
    );
    for (const { name, bytes } of groups.flat())
      expect(contentOf(directory, `${path}/${name}`).equals(bytes), name).toBe(true);
  });
});

describe('small files that are not written', () => {
  it('follow no link: what has another name, or is one, gives way and keeps its content', async () => {
    const path = await room('ways');
    const victim = scene.sandbox.file('victim', 'precious');
    giveToServerUser(victim);
    const place = join(directory, path);
    linkSync(victim, join(place, 'hard'));
    symlinkSync(victim, join(place, 'soft'));
    await several(path, [fileOf('closed', Buffer.from('old'))]);
    chmodSync(join(place, 'closed'), 0o400);
    // Also one with the very content: what has another name may change behind it.
    for (const content of ['precious', 'new']) {
      const bytes = Buffer.from(content);
      expect(
        await several(
          path,
          ['hard', 'soft', 'closed'].map((name) => fileOf(name, bytes)),
        ),
      ).toBe('written');
      for (const name of ['hard', 'soft', 'closed']) {
        const found = lstatSync(join(place, name));
        expect([name, found.isFile(), found.nlink, found.mode & 0o7777]).toEqual([name, true, 1, 0o600]);
        expect(contentOf(directory, `${path}/${name}`).toString()).toBe(content);
      }
    }
    expect(contentOf(scene.sandbox.path, 'victim').toString()).toBe('precious');
  });

  it('are named where a directory is in their place', async () => {
    const path = await room('named');
    await target.directory(`${path}/taken`, 0o700, neverStopped);
    expect(await faultOf(() => several(path, [fileOf('taken', Buffer.from('x'))]))).toEqual({
      kind: 'input-output',
      message: `could not open file "${scene.urlOf(directory)}/${path}/taken": Is a directory`,
    });
  });

  it('are none where a name leads elsewhere', async () => {
    const path = await room('names');
    for (const name of ['..', '../evil', 'a/b', '/evil'])
      expect(await faultOf(() => several(path, [fileOf(name, Buffer.from('x'))]))).toMatchObject({
        kind: 'target-path',
      });
    expect(await faultOf(() => several('global', [fileOf('pg_control', Buffer.from('x'))]))).toMatchObject({
      kind: 'target-path',
    });
    expect(readdirSync(join(directory, path))).toEqual([]);
    expect(existsSync(join(directory, 'global/pg_control'))).toBe(false);
  });

  it('are told of with the reason of a signal', async () => {
    const path = await room('stopped');
    const reason = new Error('enough');
    await expect(
      target.several(path, [fileOf('x', Buffer.from('x'))], AbortSignal.abort(reason)),
    ).rejects.toBe(reason);
    expect(readdirSync(join(directory, path))).toEqual([]);
  });
});
