// Small files that go many at once, while something happens to one of them.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { chunkBytes, type WholeFile } from '../../src/copying/target.ts';
import { PageDigests } from '../../src/copying/sums/page-digests.ts';
import { proofOf } from '../../src/copying/proof.ts';
import { faultOf } from '../program/fault.ts';
import { makeScene, neverStopped } from '../copying/near/scene.ts';
import { copyAll, preparedTarget } from './copy-scene.ts';

describe('a small file', () => {
  it('that was changed on the way goes again, also where it is the very last', async () => {
    await using scene = makeScene('small-files');
    scene.file('source/base/5/1', 'x');
    const target = await preparedTarget(scene, () => ({
      several: async () => {
        await pause(100);
        return 'other';
      },
    }));
    const { files } = await copyAll(scene, target);
    expect(files).toBe(1);
    expect(readFileSync(`${scene.data}/base/5/1`, 'utf8')).toBe('x');
  });

  it('that is cut off while those before it are sent ends where it was cut off', async () => {
    await using scene = makeScene('small-files');
    for (const name of ['1', '2']) scene.file(`source/base/5/${name}`, randomBytes(400_000));
    const target = await preparedTarget(scene, (near) => ({
      several: (path, files, signal) => {
        const [{ name }] = files as [WholeFile];
        const other = name === '1' ? '2' : '1';
        if (!existsSync(`${scene.data}/base/5/${other}`))
          truncateSync(scene.path(`source/base/5/${other}`), 100);
        return near.several(path, files, signal);
      },
    }));
    const { sizeBytes, progressed } = await copyAll(scene, target);
    const left = readdirSync(`${scene.data}/base/5`).map((name) =>
      readFileSync(`${scene.data}/base/5/${name}`),
    );
    expect(left.map(({ length }) => length).sort((a, b) => a - b)).toEqual([100, 400_000]);
    for (const name of ['1', '2'])
      expect(
        readFileSync(`${scene.data}/base/5/${name}`).equals(
          readFileSync(scene.path(`source/base/5/${name}`)),
        ),
      ).toBe(true);
    expect({ sizeBytes, progressed }).toEqual({ sizeBytes: 400_100, progressed: 400_100 });
  });

  it('whose place a directory has taken is none, and what an earlier copy has left of it goes', async () => {
    await using scene = makeScene('small-files');
    scene.file('source/base/5/1', 'x');
    scene.file('source/base/5/2', 'y');
    scene.dataDirectory();
    scene.file('node/data/base/5/2', 'of an earlier copy');
    const target = await preparedTarget(scene, (near) => ({
      directory: (path, mode, signal) => {
        if (path === 'base/5') {
          rmSync(scene.path('source/base/5/2'));
          scene.directory('source/base/5/2');
        }
        return near.directory(path, mode, signal);
      },
    }));
    const { files, removed } = await copyAll(scene, target);
    expect({ files, names: readdirSync(`${scene.data}/base/5`) }).toEqual({ files: 1, names: ['1'] });
    expect(removed).toBeGreaterThan(0);
  });

  it('is no longer one of a chunk that goes on over there', async () => {
    await using scene = makeScene('small-files');
    const near = await preparedTarget(scene);
    await near.directory('base', 0o700, neverStopped);
    const bytes = randomBytes(chunkBytes);
    scene.file('node/data/base/1', Buffer.concat([bytes, Buffer.from('more')]));
    const digests = new PageDigests();
    const listed = { name: '1', mode: 0o600, sizeBytes: chunkBytes, proof: proofOf(bytes, digests) };
    expect(await near.keeps('base', [listed], digests, neverStopped)).toEqual([false]);
  });

  it('that fails lets the others end before the buffer is used again', async () => {
    await using scene = makeScene('small-files');
    const near = await preparedTarget(scene);
    await near.directory('base', 0o700, neverStopped);
    mkdirSync(`${scene.data}/base/0`);
    const bytes = randomBytes(chunkBytes);
    const part = chunkBytes / 128;
    const before = Buffer.from(bytes);
    const files = Array.from({ length: 128 }, (_, n): WholeFile => {
      const each = bytes.subarray(n * part, (n + 1) * part);
      return { name: `${n}`, mode: 0o600, bytes: each };
    });
    await faultOf(() => near.several('base', files, neverStopped));
    bytes.fill(0);
    await pause(200);
    for (const name of readdirSync(`${scene.data}/base`).filter((name) => name !== '0')) {
      const n = Number(name);
      expect(
        readFileSync(`${scene.data}/base/${name}`).equals(before.subarray(n * part, (n + 1) * part)),
        name,
      ).toBe(true);
    }
  });
});
