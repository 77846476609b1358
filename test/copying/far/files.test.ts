// Files on their way to a data directory behind a real OpenSSH server: what arrives, and how little travels where most of it is
// there.
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chunkBytes, type Target } from '../../../src/copying/target.ts';
import { faultOf } from '../../program/fault.ts';
import { neverStopped, nothingOutside, sourceOf, controlBytes } from '../near/scene.ts';
import { changed, dense, page, shrinking } from './bytes.ts';
import { pageChecksums } from '../../../src/copying/sums/page-checksums.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { colliding } from '../../backup/source/page-checksum.ts';
import { contentOf, farScene, prepared, send, type FarScene } from './scene.ts';

let scene: FarScene;
let directory: string;
let target: Target;

beforeAll(async () => {
  scene = await farScene('far-files');
  directory = scene.place();
  target = await prepared(scene, directory);
});

afterAll(() => scene[Symbol.asyncDispose]());

/** What goes over the line, both ways, while `work` is done. */
async function trafficOf(work: () => Promise<unknown>): Promise<number> {
  const before = { ...target.traffic };
  await work();
  return target.traffic.sentBytes - before.sentBytes + target.traffic.receivedBytes - before.receivedBytes;
}

const there = (path: string): Buffer => contentOf(directory, path);

describe('a file', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['one byte', Buffer.from('x')],
    ['less than a page', shrinking(page - 1, 1)],
    ['a part of a chunk', dense(5 * page + 17, 2)],
    ['exactly a chunk', shrinking(chunkBytes, 3)],
    ['chunks that do not shrink', dense(3 * chunkBytes, 4)],
    ['chunks that shrink, and a part of one', shrinking(4 * chunkBytes + 3 * page + 5, 5)],
  ])('of %s arrives as it is, with its mode', async (what, bytes) => {
    const path = `base/${what.replaceAll(/\W/g, '-')}`;
    expect(await send(target, path, bytes, { mode: 0o640 })).toBe('written');
    expect(there(path).equals(bytes)).toBe(true);
    expect(statSync(join(directory, path)).mode & 0o7777).toBe(0o640);
    // And once more, over itself.
    expect(await send(target, path, bytes, { mode: 0o600 })).toBe('written');
    expect(there(path).equals(bytes)).toBe(true);
    expect(statSync(join(directory, path)).mode & 0o7777).toBe(0o600);
  });

  it('travels compressed where it shrinks, and as it is where it does not', async () => {
    const small = await trafficOf(() => send(target, 'base/small', shrinking(4 * chunkBytes, 11)));
    expect(small).toBeLessThan(chunkBytes / 4);
    const large = await trafficOf(() => send(target, 'base/large', dense(4 * chunkBytes, 12)));
    expect(large).toBeGreaterThan(4 * chunkBytes);
    expect(large).toBeLessThan(4 * chunkBytes * 1.01);
  });

  it('of which most is there sends the pages that differ, and hardly anything else', async () => {
    const old = dense(20 * chunkBytes + 3 * page, 21);
    await send(target, 'base/20', old);
    const now = changed(old, 0, 1, 2, 70, 200, 20 * 64 + 2);
    const spent = await trafficOf(() => send(target, 'base/20', now));
    expect(there('base/20').equals(now)).toBe(true);
    // Six pages, and 16 bytes for each page that is there.
    expect(spent).toBeGreaterThan(6 * page);
    expect(spent).toBeLessThan(6 * page + old.length / 512 + 8192);
  });

  it.each([
    ['grown by chunks', 3 * chunkBytes, 9 * chunkBytes + 100],
    ['grown within a page', 3 * chunkBytes + 10, 3 * chunkBytes + 20],
    ['shrunk by chunks', 40 * chunkBytes + 100, chunkBytes],
    ['shrunk within a page', 3 * chunkBytes + 20, 3 * chunkBytes + 10],
    ['shrunk to nothing', 30 * chunkBytes, 0],
    ['grown from nothing', 0, chunkBytes + 1],
  ])('that has %s becomes what it is now', async (_, oldLength, newLength) => {
    const whole = dense(Math.max(oldLength, newLength), 31);
    await send(target, 'base/31', whole.subarray(0, oldLength));
    expect(await send(target, 'base/31', whole.subarray(0, newLength))).toBe('written');
    expect(there('base/31').equals(whole.subarray(0, newLength))).toBe(true);
  });

  it('whose bytes change on their way is not kept', async () => {
    const bytes = dense(page, 42);
    expect(await send(target, 'base/42', bytes, { before: dense(page, 43) })).toBe('other');
    expect(existsSync(join(directory, 'base/42'))).toBe(false);
  });

  it('with a page that was made to have the same checksum is another one', async () => {
    const bytes = dense(3 * page + 10, 44);
    const seems = Buffer.concat([
      bytes.subarray(0, page),
      colliding(bytes.subarray(page, 2 * page)),
      bytes.subarray(2 * page),
    ]);
    expect(seems.equals(bytes)).toBe(false);
    const checksums = (of: Buffer): number[] => [...pageChecksums(of, page, 0)];
    expect(checksums(seems)).toEqual(checksums(bytes));
    await send(target, 'base/44', seems);
    expect(await send(target, 'base/44', bytes)).toBe('written');
    expect(there('base/44').equals(bytes)).toBe(true);
  });

  it('keeps the pages that are spared, where it has them whole', async () => {
    const old = dense(2 * chunkBytes + 2 * page + 100, 45);
    const now = dense(3 * chunkBytes, 46);
    await send(target, 'base/45', old);
    expect(await send(target, 'base/45', now, { spared: [0, 1, 2, 63] })).toBe('written');
    const expected = Buffer.from(now);
    for (const chunk of [0, 1])
      for (const at of [0, 1, 2, 63].map((each) => chunk * chunkBytes + each * page))
        old.copy(expected, at, at, at + page);
    // Of the third page of its last chunk it had a part.
    for (const at of [0, 1].map((each) => 2 * chunkBytes + each * page))
      old.copy(expected, at, at, at + page);
    expect(there('base/45').equals(expected)).toBe(true);
    // Where nothing is, there is nothing to spare; and a file that becomes shorter ends where it should.
    expect(await send(target, 'base/46', now, { spared: [0, 63] })).toBe('written');
    expect(there('base/46').equals(now)).toBe(true);
    const short = dense(page + 100, 47);
    expect(await send(target, 'base/46', short, { spared: [0, 1] })).toBe('written');
    const shortened = Buffer.concat([now.subarray(0, page), short.subarray(page)]);
    expect(there('base/46').equals(shortened)).toBe(true);
    // A page that ends where the file does, at both sides, is there whole.
    const last = dense(page + 100, 48);
    expect(await send(target, 'base/46', last, { spared: [1] })).toBe('written');
    expect(there('base/46').equals(Buffer.concat([last.subarray(0, page), short.subarray(page)]))).toBe(true);
  });

  it('that is given up stays what it was where nothing has come', async () => {
    const old = dense(40 * chunkBytes, 51);
    await send(target, 'base/51', old);
    const file = await target.file('base/51', 0o600, neverStopped);
    const now = dense(chunkBytes, 52);
    await file.take(now);
    await file.close();
    // What came may have been written or not.
    await waitFor('the far side to let go', async () => (await send(target, 'base/52', now)) === 'written');
    expect(there('base/51').subarray(chunkBytes).equals(old.subarray(chunkBytes))).toBe(true);
    expect(await send(target, 'base/51', now)).toBe('written');
    expect(there('base/51').equals(now)).toBe(true);
  });

  it('travels beside many others', async () => {
    const files = Array.from({ length: 60 }, (_, at) => [`base/many-${at}`, dense(at * 3001, at)] as const);
    for (const round of [0, 1]) {
      const queue = [...files];
      const carry = async (): Promise<void> => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift())
          await send(
            target,
            next[0],
            changed(Buffer.concat([next[1], Buffer.alloc(20)]), ...(round ? [0] : [])),
          );
      };
      // More than the receiver takes conversations.
      await Promise.all(Array.from({ length: 40 }, carry));
    }
    for (const [path, bytes] of files)
      expect(there(path).equals(changed(Buffer.concat([bytes, Buffer.alloc(20)]), 0)), path).toBe(true);
  });
});

describe('the other verbs', () => {
  it('make directories, sweep them, and finish', async () => {
    const place = scene.place();
    const url = scene.urlOf(place);
    const copy = await scene.open(place);
    expect(copy.url).toBe(url);
    const signal = neverStopped;
    expect(await copy.look(sourceOf(), nothingOutside, signal)).toEqual({
      state: 'missing',
      leftovers: [],
      tablespaces: [],
      roomBytes: expect.any(Number) as number,
      steps: [`create directory ${place}`, 'copy all files'],
    });
    expect(await copy.prepare(sourceOf(), nothingOutside, signal)).toEqual({ quarantined: [], warnings: [] });
    await copy.directory('base', 0o750, signal);
    await copy.directory('global', 0o700, signal);
    for (const name of ['PG_VERSION', 'base/1', 'base/2', 'base/3'])
      await send(copy, name, Buffer.from('15\n'));
    // Nothing can have been there: what has come meanwhile is written over all the same.
    for (const bytes of [dense(2 * chunkBytes, 61), dense(3 * page, 62)]) {
      expect(await send(copy, 'base/2', bytes)).toBe('written');
      expect(contentOf(place, 'base/2').equals(bytes)).toBe(true);
    }
    expect(await copy.sweep('base', new Set(['2', 'strange \n näme']), signal)).toBe(2);
    expect(await copy.sweep('global', new Set(), signal)).toBe(0);
    expect(readdirSync(join(place, 'base'))).toEqual(['2']);
    expect(statSync(join(place, 'base')).mode & 0o7777).toBe(0o750);
    expect(existsSync(join(place, 'global/pg_control'))).toBe(false);
    await copy.finish(controlBytes(), signal);
    expect(readFileSync(join(place, 'global/pg_control')).equals(controlBytes())).toBe(true);
    expect(readdirSync(place).sort()).toEqual(['PG_VERSION', 'base', 'global', 'pg_wal']);
  });

  it('find what waits there to be archived, however much it is, and put it aside', async () => {
    const place = scene.place();
    const names = Array.from(
      { length: 700 },
      (_, at) => `0000000100000000${at.toString(16).toUpperCase().padStart(8, '0')}`,
    );
    scene.sandbox.file(place.slice(scene.sandbox.path.length + 1) + '/PG_VERSION', '15\n');
    const inside = (name: string) => `${place.slice(scene.sandbox.path.length + 1)}/${name}`;
    scene.sandbox.file(inside('global/pg_control'), controlBytes());
    for (const name of names) {
      scene.sandbox.file(inside(`pg_wal/${name}`), name);
      scene.sandbox.file(inside(`pg_wal/archive_status/${name}.ready`), '');
    }
    const copy = await scene.open(place);
    const found = await copy.look(sourceOf(), nothingOutside, neverStopped);
    expect(found).toMatchObject({
      state: 'data-directory',
      timeline: 1,
      databaseState: 'shut down',
      leftovers: names,
    });
    const { quarantined } = await copy.prepare(sourceOf(), nothingOutside, neverStopped);
    expect(dirname(quarantined[0]!)).toMatch(/\/twowarm\/leftover-wal\/[0-9TZ]+-tl1$/);
    expect(quarantined.map((path) => basename(path))).toEqual(names);
    expect(readFileSync(quarantined.at(-1)!, 'utf8')).toBe(names.at(-1));
    await copy.close();
    // As soon as it is let go of, it can be gone on with.
    expect((await (await scene.open(place)).look(sourceOf(), nothingOutside, neverStopped)).state).toBe(
      'unfinished',
    );
  });

  it('name the far side in what it refuses', async () => {
    const place = scene.place();
    const inside = place.slice(scene.sandbox.path.length + 1);
    scene.sandbox.file(`${inside}/PG_VERSION`, '15\n');
    scene.sandbox.file(`${inside}/global/pg_control`, controlBytes({ systemIdentifier: 42n }));
    const copy = await scene.open(place);
    expect(await faultOf(() => copy.look(sourceOf(), nothingOutside, neverStopped))).toEqual({
      kind: 'wrong-cluster',
      message: `cannot copy into ${scene.urlOf(place)}: it is the data directory of another cluster`,
      detail: `Its system identifier is 42; the source has ${sourceOf().systemIdentifier}.`,
      hint: 'Over there: name another directory, or move away or remove what is there if nobody needs it.',
    });
    appendFileSync(join(place, 'PG_VERSION'), '');
  });
});
