// All files into a target of this machine, while files of the source vanish or are cut off, as they do under a server.
import { existsSync, openSync, closeSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { copyFiles } from '../../src/backup/copy-files.ts';
import { buffersOf } from '../../src/backup/source/buffers.ts';
import { chunksOf } from '../../src/backup/source/chunks.ts';
import { chunkBytes, type Target } from '../../src/copying/target.ts';
import {
  makeScene,
  neverStopped,
  nothingOutside,
  sourceOf,
  versionDirectory,
} from '../copying/near/scene.ts';

describe('a file that vanishes between the look into its directory and its turn', () => {
  it('goes at the target, too, where an earlier copy has left it', async () => {
    await using scene = makeScene('copy-files');
    scene.file('source/base/5/1259', 'new');
    const vanishing = scene.file('source/base/5/16384', 'dropped');
    scene.dataDirectory();
    scene.file('node/data/base/5/16384', 'of an earlier copy');
    const near = scene.target();
    await near.prepare(sourceOf(), nothingOutside, neverStopped);
    // Its directory is the last that the target hears of before the files in it.
    const target: Target = Object.assign(Object.create(near) as Target, {
      directory: (path: string, mode: number, signal: AbortSignal) => {
        if (path === 'base/5') rmSync(vanishing);
        return near.directory(path, mode, signal);
      },
    });
    const { files, removed } = await copyFiles({
      source: {
        ...{ dataDirectory: scene.path('source'), tablespaces: [], versionDirectory, major: 15 },
        ...{ temporaryStatistics: undefined, ours: new Set<string>() },
      },
      ...{ target, manifest: undefined, layout: undefined, buffers: buffersOf(4), jobs: 2 },
      checksums: 'CRC32C',
      ...{ progress: () => undefined, signal: neverStopped },
    });
    expect({ files, isThere: existsSync(`${scene.data}/base/5/16384`) }).toEqual({
      files: 1,
      isThere: false,
    });
    expect(readdirSync(`${scene.data}/base/5`)).toEqual(['1259']);
    expect(removed).toBeGreaterThan(0);
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
