// All files into a target of this machine, while files of the source vanish or are cut off, as they do under a server.
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  openSync,
  closeSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buffersOf } from '../../src/backup/source/buffers.ts';
import { chunksOf } from '../../src/backup/source/chunks.ts';
import { Manifest } from '../../src/backup/source/manifest.ts';
import { chunkBytes } from '../../src/copying/target.ts';
import { makeScene, neverStopped } from '../copying/near/scene.ts';
import { faultOf } from '../program/fault.ts';
import { copyAll, preparedTarget } from './copy-scene.ts';

describe('a file that vanishes between the look into its directory and its turn', () => {
  it('goes at the target, too, where an earlier copy has left it', async () => {
    await using scene = makeScene('copy-files');
    scene.file('source/base/5/1259', 'new');
    const vanishing = scene.file('source/base/5/16384', 'dropped');
    scene.dataDirectory();
    scene.file('node/data/base/5/16384', 'of an earlier copy');
    // Its directory is the last that the target hears of before the files in it.
    const target = await preparedTarget(scene, (near) => ({
      directory: (path, mode, signal) => {
        if (path === 'base/5') rmSync(vanishing);
        return near.directory(path, mode, signal);
      },
    }));
    const { files, removed } = await copyAll(scene, target);
    expect({ files, isThere: existsSync(`${scene.data}/base/5/16384`) }).toEqual({
      files: 1,
      isThere: false,
    });
    expect(readdirSync(`${scene.data}/base/5`)).toEqual(['1259']);
    expect(removed).toBeGreaterThan(0);
  });
});

describe('the files of a cluster', () => {
  it('go many at once where they are small, each by itself where it is large or was changed on the way, and all are listed', async () => {
    await using scene = makeScene('copy-files');
    const contents = new Map<string, Buffer>();
    const put = (path: string, bytes: Buffer): void => {
      scene.file(`source/${path}`, bytes);
      contents.set(path, bytes);
    };
    put('PG_VERSION', Buffer.from('15\n'));
    put('base/5/large', randomBytes(chunkBytes + 1));
    put('base/5/chunk', randomBytes(chunkBytes));
    for (let n = 0; n < 200; n++) put(`base/5/${n}`, randomBytes(n * 100));
    put('base/6/1', randomBytes(5000));
    const alone: string[] = [];
    const together: number[] = [];
    const target = await preparedTarget(scene, (near) => ({
      file: (path, mode, signal) => {
        alone.push(path);
        return near.file(path, mode, signal);
      },
      several: async (path, files, signal) => {
        if (path === 'base/6') return 'other';
        together.push(files.length);
        expect(files.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBeLessThanOrEqual(chunkBytes);
        return near.several(path, files, signal);
      },
    }));
    const manifest = new Manifest(scene.directory('state'), 15, '1', 'SHA256');
    const { files, sizeBytes, progressed } = await copyAll(scene, target, {
      ...{ manifest, checksums: 'SHA256', jobs: 3 },
    });
    expect(alone.sort()).toEqual(['base/5/large', 'base/6/1']);
    expect(together.reduce((sum, count) => sum + count, 0)).toBe(202);
    expect(together.length).toBeLessThan(20);
    for (const [path, bytes] of contents)
      expect(readFileSync(`${scene.data}/${path}`).equals(bytes), path).toBe(true);
    const all = [...contents.values()].reduce((sum, bytes) => sum + bytes.length, 0);
    expect({ files, sizeBytes, progressed }).toEqual({ files: 204, sizeBytes: all, progressed: all });
    manifest.end({ timeline: 1, start: 1n, end: 2n });
    const listed = (
      JSON.parse(readFileSync(manifest.path, 'utf8')) as { Files: { Path: string; Checksum: string }[] }
    ).Files;
    expect(Object.fromEntries(listed.map(({ Path, Checksum }) => [Path, Checksum]))).toEqual(
      Object.fromEntries(
        [...contents].map(([path, bytes]) => [path, createHash('sha256').update(bytes).digest('hex')]),
      ),
    );
  });

  it('have the modes that they have, small or large', async () => {
    await using scene = makeScene('copy-files');
    for (const [name, length] of [
      ['small', 5],
      ['large', chunkBytes + 1],
    ] as const)
      chmodSync(scene.file(`source/base/5/${name}`, Buffer.alloc(length)), 0o640);
    await copyAll(scene, await preparedTarget(scene));
    for (const name of ['small', 'large'])
      expect([name, statSync(`${scene.data}/base/5/${name}`).mode & 0o7777]).toEqual([name, 0o640]);
  });

  it('end with the first fault, which names the file', async () => {
    await using scene = makeScene('copy-files');
    for (let n = 0; n < 100; n++) scene.file(`source/base/5/${n}`, 'x');
    const target = await preparedTarget(scene);
    await target.directory('base', 0o700, neverStopped);
    scene.directory('node/data/base/5/50');
    expect(await faultOf(() => copyAll(scene, target, { jobs: 3 }))).toEqual({
      kind: 'input-output',
      message: `could not open file "${scene.data}/base/5/50": Is a directory`,
    });
  });
});

describe('a file that is cut off while it is read, and grows again', () => {
  it('ends where it was cut off: no chunk but the last is short', async () => {
    await using scene = makeScene('cut-off');
    const path = scene.file('file', Buffer.alloc(4 * chunkBytes, 1));
    const descriptor = openSync(path, 'r');
    // Two buffers: a chunk is read only when one is given back, which says when it happens.
    const buffers = buffersOf(2);
    const lengths: number[] = [];
    const chunks = chunksOf(descriptor, 4 * chunkBytes, buffers);
    const next = async (): Promise<Buffer> => {
      const { value } = await chunks.next();
      lengths.push(value!.length);
      return value!.buffer;
    };
    const first = await next();
    const second = await next();
    truncateSync(path, 2.5 * chunkBytes);
    buffers.give(first);
    const third = await next();
    writeFileSync(path, Buffer.alloc(4 * chunkBytes, 2));
    buffers.give(second);
    expect(await chunks.next()).toEqual({ value: undefined, done: true });
    buffers.give(third);
    closeSync(descriptor);
    expect(lengths).toEqual([chunkBytes, chunkBytes, chunkBytes / 2]);
  });
});
