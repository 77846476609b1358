// Files on their way into a data directory: what is there, what is written, what is left after a fault.
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  readlinkSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { differingParts } from '../../../src/copying/near/pages.ts';
import type { NearTarget } from '../../../src/copying/near/near-target.ts';
import { chunkBytes } from '../../../src/copying/target.ts';
import { mountTmpfs } from '../../harness/mounts.ts';
import { faultOf } from '../../program/fault.ts';
import { makeScene, neverStopped, nothingOutside, send, sourceOf, type Scene } from './scene.ts';

const page = 8192;

async function prepared(scene: Scene): Promise<NearTarget> {
  const target = scene.target();
  await target.prepare(sourceOf(), nothingOutside, neverStopped);
  await target.directory('base', 0o700, neverStopped);
  return target;
}

/** Writes a file where the copy will find it, as an earlier copy left it. */
const there = (scene: Scene, bytes: Buffer): string => scene.file('node/data/base/1', bytes);

/** How much this process has handed to write calls since it began, in bytes (proc(5)). */
const written = (): number => Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))![1]);

describe('a file', () => {
  it('comes whole, in chunks that are all under way at once, with its mode', async () => {
    await using scene = makeScene('near');
    const target = await prepared(scene);
    const bytes = randomBytes(3 * chunkBytes + page + 17);
    expect(await send(target, 'base/1', bytes, { mode: 0o640 })).toBe('written');
    expect(readFileSync(`${scene.data}/base/1`)).toEqual(bytes);
    expect(statSync(`${scene.data}/base/1`).mode & 0o7777).toBe(0o640);
    const nothing = Buffer.alloc(0);
    expect(await send(target, 'base/2', nothing)).toBe('written');
    expect(statSync(`${scene.data}/base/2`).size).toBe(0);
  });

  it.each([
    ['the same', (old: Buffer) => Buffer.from(old)],
    ['longer', (old: Buffer) => Buffer.concat([old, randomBytes(chunkBytes)])],
    ['shorter, by a part of a page', (old: Buffer) => Buffer.from(old.subarray(0, chunkBytes + 100))],
    ['empty', () => Buffer.alloc(0)],
    [
      'changed in its first, a middle and its last page',
      (old: Buffer) => {
        const now = Buffer.from(old);
        for (const at of [0, 70 * page, old.length - 1]) now[at]! ^= 1;
        return now;
      },
    ],
    ['another altogether', (old: Buffer) => randomBytes(old.length)],
  ])('is %s afterwards, whatever was there', async (_, change) => {
    await using scene = makeScene('near');
    const old = randomBytes(2 * chunkBytes + page + 5);
    const target = await prepared(scene);
    const path = there(scene, old);
    const { ino } = statSync(path);
    const now = change(old);
    expect(await send(target, 'base/1', now)).toBe('written');
    expect(readFileSync(path).equals(now)).toBe(true);
    expect(statSync(path).ino).toBe(ino);
  });

  it('keeps the pages that are spared, where it has them whole', async () => {
    await using scene = makeScene('near');
    const old = randomBytes(chunkBytes + 2 * page + 100);
    const target = await prepared(scene);
    const path = there(scene, old);
    const now = randomBytes(2 * chunkBytes + page + 5);
    expect(await send(target, 'base/1', now, { spared: [1, 2, 63] })).toBe('written');
    const expected = Buffer.from(now);
    for (const at of [1, 2, 63, 65].map((each) => each * page)) old.copy(expected, at, at, at + page);
    expect(readFileSync(path).equals(expected)).toBe(true);
    const short = randomBytes(page + 100);
    expect(await send(target, 'base/1', short, { spared: [0, 1] })).toBe('written');
    expect(readFileSync(path).equals(Buffer.concat([now.subarray(0, page), short.subarray(page)]))).toBe(
      true,
    );
  });

  it('is not written again where it is the same', async () => {
    await using scene = makeScene('near');
    const old = randomBytes(4 * chunkBytes);
    const target = await prepared(scene);
    there(scene, old);
    const now = Buffer.from(old);
    now[130 * page]! ^= 1;
    const before = written();
    expect(await send(target, 'base/1', now)).toBe('written');
    const after = written();
    expect(after - before).toBeGreaterThanOrEqual(page);
    // Wakes of threads are written, too.
    expect(after - before).toBeLessThan(2 * page);
  });
});

describe('a file that is patched', () => {
  it('keeps what was there but for the pages that came, and grows', async () => {
    await using scene = makeScene('near');
    const old = randomBytes(2 * chunkBytes + 3 * page + 100);
    const target = await prepared(scene);
    there(scene, old);
    const now = Buffer.concat([old, randomBytes(2 * page)]);
    now.fill(7, 3 * page, 5 * page);
    now.fill(8, 2 * chunkBytes + page, 2 * chunkBytes + 2 * page);
    const file = await target.file('base/1', 0o600, neverStopped);
    expect(file.oldBytes).toBe(old.length);
    const chunk = Buffer.alloc(chunkBytes);
    expect(await file.readOld(2 * chunkBytes, chunk)).toBe(3 * page + 100);
    expect(chunk.subarray(0, 3 * page + 100)).toEqual(old.subarray(2 * chunkBytes));
    expect(await file.readOld(3 * chunkBytes, chunk)).toBe(0);
    const last = now.length - 2 * chunkBytes;
    // The second chunk is the same, and a page of the third; from what was a part of a page on, all is new.
    await Promise.all([
      file.patch(chunkBytes, [{ page: 3, pages: 2 }], now.subarray(3 * page, 5 * page)),
      file.patch(chunkBytes, [], Buffer.alloc(0)),
      file.patch(
        last,
        [
          { page: 1, pages: 1 },
          { page: 3, pages: 3 },
        ],
        Buffer.concat([
          now.subarray(2 * chunkBytes + page, 2 * chunkBytes + 2 * page),
          now.subarray(2 * chunkBytes + 3 * page),
        ]),
      ),
    ]);
    expect(await file.end(now.length)).toBe('written');
    expect(readFileSync(`${scene.data}/base/1`).equals(now)).toBe(true);
  });

  it('has zeros where neither it was nor pages came', async () => {
    await using scene = makeScene('near');
    const target = await prepared(scene);
    // The buffers of this process have held something else before.
    await send(target, 'base/2', randomBytes(chunkBytes));
    there(scene, Buffer.from('old'));
    const now = Buffer.concat([Buffer.from('old'), Buffer.alloc(chunkBytes - 3)]);
    const file = await target.file('base/1', 0o600, neverStopped);
    await file.patch(chunkBytes, [], Buffer.alloc(0));
    expect(await file.end(chunkBytes)).toBe('written');
    expect(readFileSync(`${scene.data}/base/1`).equals(now)).toBe(true);
  });

  it('is refused where the pages do not fit into it', async () => {
    await using scene = makeScene('near');
    const target = await prepared(scene);
    there(scene, randomBytes(chunkBytes));
    const wrong = [
      { runs: [{ page: 64, pages: 1 }], bytes: page },
      { runs: [{ page: -1, pages: 1 }], bytes: page },
      { runs: [{ page: 0.5, pages: 1 }], bytes: page },
      { runs: [{ page: 1, pages: 2 }], bytes: page },
      { runs: [{ page: 1, pages: 1 }], bytes: 2 * page },
      {
        runs: [
          { page: 2, pages: 2 },
          { page: 3, pages: 1 },
        ],
        bytes: 3 * page,
      },
    ];
    for (const { runs, bytes } of wrong) {
      const file = await target.file('base/1', 0o600, neverStopped);
      expect(await faultOf(() => file.patch(chunkBytes, runs, Buffer.alloc(bytes)))).toEqual({
        kind: 'protocol',
        message: `cannot change file "${scene.data}/base/1": the pages that came do not fit into it`,
      });
      expect((await faultOf(() => file.end(chunkBytes))).kind).toBe('protocol');
      await file.close();
    }
  });
});

describe('the parts of a chunk that differ', () => {
  const old = randomBytes(3 * page);

  it('are whole pages, those that follow each other as one', () => {
    const now = Buffer.from(old);
    expect(differingParts(now, old, old.length)).toEqual([]);
    for (const at of [0, 2 * page + 5]) now[at]! ^= 1;
    const [first, last] = [
      { from: 0, to: page },
      { from: 2 * page, to: 3 * page },
    ];
    expect(differingParts(now, old, old.length)).toEqual([first, last]);
    now[page]! ^= 1;
    expect(differingParts(now, old, old.length)).toEqual([{ from: 0, to: 3 * page }]);
  });

  it('are all that was not there, whatever the buffer holds past the end of what was read', () => {
    expect(differingParts(Buffer.from(old), old, page + 1)).toEqual([{ from: page, to: 3 * page }]);
  });
});

describe('what is in the way of a file', () => {
  it('gives way where it has another name, is a symbolic link, or is closed; its other name keeps its content', async () => {
    await using scene = makeScene('near');
    const target = await prepared(scene);
    const bytes = Buffer.from('new');
    const outside = scene.file('outside', 'untouched');
    linkSync(outside, `${scene.data}/base/hard`);
    symlinkSync(outside, `${scene.data}/base/soft`);
    symlinkSync(scene.path('nowhere'), `${scene.data}/base/dangling`);
    scene.file('node/data/base/closed', 'old');
    chmodSync(`${scene.data}/base/closed`, 0o400);
    for (const name of ['hard', 'soft', 'dangling', 'closed']) {
      expect(await send(target, `base/${name}`, bytes)).toBe('written');
      const found = lstatSync(`${scene.data}/base/${name}`);
      expect([name, found.isFile(), found.nlink, found.mode & 0o7777]).toEqual([name, true, 1, 0o600]);
      expect(readFileSync(`${scene.data}/base/${name}`, 'utf8')).toBe('new');
    }
    expect(readFileSync(outside, 'utf8')).toBe('untouched');
    expect(existsSync(scene.path('nowhere'))).toBe(false);
  });

  it('is named where it is a directory', async () => {
    await using scene = makeScene('near');
    const target = await prepared(scene);
    scene.directory('node/data/base/1');
    expect(await faultOf(() => target.file('base/1', 0o600, neverStopped))).toEqual({
      kind: 'input-output',
      message: `could not open file "${scene.data}/base/1": Is a directory`,
    });
  });
});

describe('a file that does not come to its end', () => {
  it('stays what it was where nothing has come', async () => {
    await using scene = makeScene('near');
    const target = await prepared(scene);
    const old = randomBytes(2 * chunkBytes);
    const path = there(scene, old);
    const file = await target.file('base/1', 0o600, neverStopped);
    const now = randomBytes(chunkBytes);
    await file.take(now);
    await file.close();
    expect(readFileSync(path).equals(Buffer.concat([now, old.subarray(chunkBytes)]))).toBe(true);
  });

  it('ends with the reason of a signal', async () => {
    await using scene = makeScene('near');
    const target = await prepared(scene);
    const stop = new AbortController();
    const file = await target.file('base/1', 0o600, stop.signal);
    await file.take(Buffer.from('x'));
    const reason = new Error('enough');
    stop.abort(reason);
    await expect(file.take(Buffer.from('x'))).rejects.toBe(reason);
    await expect(file.end(1)).rejects.toBe(reason);
  });

  it('closes its descriptor with the target, and stays as it is', async () => {
    await using scene = makeScene('near');
    const target = await prepared(scene);
    const file = await target.file('base/1', 0o600, neverStopped);
    await file.take(Buffer.from('half'));
    const open = (): string[] =>
      readdirSync('/proc/self/fd').flatMap((fd) => {
        const aim = readAim(fd);
        return aim.startsWith(scene.data) ? [aim] : [];
      });
    expect(open()).toEqual([`${scene.data}/base/1`]);
    await target.close();
    expect(open()).toEqual([]);
    expect(readFileSync(`${scene.data}/base/1`, 'utf8')).toBe('half');
  });

  it('says which file it was when the disk is full, and lets go of it', async () => {
    await using scene = makeScene('near');
    const target = await prepared(scene);
    using disk = mountTmpfs(`${scene.data}/base`, 'size=512k');
    disk.remount('size=512k');
    const file = await target.file('base/1', 0o600, neverStopped);
    const pieces = [0, 1, 2].map(() => file.take(Buffer.alloc(chunkBytes, 1)));
    const ends = await Promise.allSettled(pieces);
    expect(ends.filter(({ status }) => status === 'rejected').length).toBeGreaterThanOrEqual(2);
    const full = {
      kind: 'no-space',
      message: `could not write file "${scene.data}/base/1": No space left on device`,
    };
    expect(await faultOf(() => file.end(3 * chunkBytes))).toEqual(full);
    await file.remove();
    expect(await send(target, 'base/2', Buffer.alloc(100 * 1024, 1))).toBe('written');
    expect(await faultOf(() => send(target, 'base/3', Buffer.alloc(chunkBytes, 1)))).toEqual({
      ...full,
      message: full.message.replace('base/1', 'base/3'),
    });
  });
});

const readAim = (fd: string): string => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
};
