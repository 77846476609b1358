// New files on their way to the disk, past the page cache and through it.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { afterBytes, NewFileWrites } from '../../../src/copying/near/new-file-writes.ts';
import { chunkBuffer, isOnPages } from '../../../src/copying/sums/memory.ts';
import { chunkBytes } from '../../../src/copying/target.ts';
import { mountTmpfs } from '../../harness/mounts.ts';
import { makeSandbox } from '../../harness/sandbox.ts';
import { makeScene, neverStopped, nothingOutside, sourceOf } from './scene.ts';

const chunkOf = (bytes: Buffer, spareBytes = 0): Buffer => {
  const chunk = chunkBuffer(spareBytes).subarray(0, chunkBytes);
  bytes.copy(chunk);
  return chunk;
};

/** How many bytes of the file the page cache holds; whoever it does not belong to is told that it holds all (mincore(2)). */
const cachedBytes = (path: string): number =>
  Number(execFileSync('fincore', ['--bytes', '--noheadings', '--output', 'RES', path], { encoding: 'utf8' }));

/** How many this process has open. */
const descriptors = (): number => readdirSync('/proc/self/fd').length;

/** Writes them as the chunks of a new file; how many bytes went through the page cache, write by write. */
async function writeNew(path: string, chunks: readonly Buffer[], from = 0): Promise<number[]> {
  const through: number[] = [];
  const descriptor = openSync(path, 'wx');
  const writes = new NewFileWrites(descriptor, (bytes) => through.push(bytes));
  let at = from;
  const written = chunks.map((chunk) => {
    at += chunk.length;
    return writes.write(chunk, at - chunk.length);
  });
  await Promise.all(written).finally(() => writes.close());
  closeSync(descriptor);
  return through;
}

/** A place for a file on a tmpfs. */
async function onTmpfs(options: string, use: (path: string) => Promise<void>): Promise<void> {
  await using sandbox = makeSandbox('new');
  const disk = mountTmpfs(sandbox.directory('there'), options);
  try {
    await use(join(sandbox.path, 'there/file'));
  } finally {
    disk[Symbol.dispose]();
  }
}

const newBytes = (): Buffer => randomBytes(3 * chunkBytes + 8192 + 17);
const chunksOf = (bytes: Buffer): Buffer[] => [
  ...[0, 1, 2].map((at) => chunkOf(bytes.subarray(at * chunkBytes, (at + 1) * chunkBytes), 64)),
  bytes.subarray(3 * chunkBytes),
];

describe('the chunks of a new file', () => {
  it('do not fill the page cache on ext4, but for the last one; no descriptor is left', async () => {
    await using sandbox = makeSandbox('new');
    const path = join(sandbox.directory('there'), 'file');
    const isExt4 = statfsSync(dirname(path)).type === 0xef53;
    const bytes = newBytes();
    const before = descriptors();
    const through = await writeNew(path, chunksOf(bytes));
    expect(descriptors()).toBe(before);
    expect(through).toEqual(isExt4 ? [8192 + 17] : [3 * chunkBytes, 8192 + 17]);
    if (isExt4) expect(cachedBytes(path)).toBeLessThanOrEqual(3 * 4096);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('leave no descriptor behind at a target, whether the file ends or is given up', async () => {
    await using scene = makeScene('new');
    const target = scene.target();
    await target.prepare(sourceOf(), nothingOutside, neverStopped);
    await target.directory('base', 0o700, neverStopped);
    const before = descriptors();
    for (const number of [1, 2]) {
      const file = await target.file(`base/${number}`, 0o600, neverStopped);
      await file.take(chunkOf(randomBytes(chunkBytes)));
      expect(descriptors()).toBeGreaterThan(before);
      await (number === 1 ? file.end(chunkBytes) : file.close());
      expect(descriptors()).toBe(before);
    }
    await target.close();
  });

  it('have their places whatever way each of them goes', async () => {
    await using sandbox = makeSandbox('new');
    const path = join(sandbox.path, 'file');
    const bytes = randomBytes(6 * chunkBytes);
    const parts = [0, 1, 2, 3, 4, 5].map((at) => bytes.subarray(at * chunkBytes, (at + 1) * chunkBytes));
    const mixed = parts.map((part, at) => ([1, 2, 4].includes(at) ? chunkOf(part) : part));
    await writeNew(path, mixed);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('go through it elsewhere, several as one', () =>
    onTmpfs('size=8m', async (path) => {
      const bytes = newBytes();
      expect(await writeNew(path, chunksOf(bytes))).toEqual([3 * chunkBytes, 8192 + 17]);
      expect(readFileSync(path).equals(bytes)).toBe(true);
    }));

  it('go through it where the disk cannot take them from where they are, or to where they belong', async () => {
    await using sandbox = makeSandbox('new');
    const bytes = randomBytes(2 * chunkBytes);
    const elsewhere = [bytes.subarray(0, chunkBytes), bytes.subarray(chunkBytes)];
    const paths = [join(sandbox.path, '1'), join(sandbox.path, '2')] as const;
    expect(await writeNew(paths[0], elsewhere)).toEqual([2 * chunkBytes]);
    expect(readFileSync(paths[0]).equals(bytes)).toBe(true);
    // No disk has a block that begins there (EINVAL).
    expect(
      await writeNew(
        paths[1],
        elsewhere.map((each) => chunkOf(each)),
        100,
      ),
    ).toEqual([2 * chunkBytes]);
    expect(readFileSync(paths[1]).subarray(100).equals(bytes)).toBe(true);
  });

  it('fail each where the disk is full', () =>
    onTmpfs('size=1m', async (path) => {
      const descriptor = openSync(path, 'wx');
      const writes = new NewFileWrites(descriptor, () => undefined);
      const chunk = chunkOf(randomBytes(chunkBytes));
      const outcomes = await Promise.allSettled([0, 1, 2].map((at) => writes.write(chunk, at * chunkBytes)));
      expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
      expect(outcomes[0]).toMatchObject({ reason: { code: 'ENOSPC' } });
      await writes.close();
      closeSync(descriptor);
    }));
});

it('what was written of several buffers is not written again', () => {
  const buffers = ['one', 'two', 'three'].map((text) => Buffer.from(text));
  const left = (bytes: number): string[] => afterBytes(buffers, bytes).map((each) => each.toString());
  expect([0, 2, 3, 4, 6, 10, 11].map(left)).toEqual([
    ['one', 'two', 'three'],
    ['e', 'two', 'three'],
    ['two', 'three'],
    ['wo', 'three'],
    ['three'],
    ['e'],
    [],
  ]);
});

it('buffers of a chunk begin on pages of the memory, however much they have besides', () => {
  const chunks = [0, 64, 0, 4096].map((spare) => chunkBuffer(spare).subarray(0, chunkBytes));
  expect(chunks.map(isOnPages)).toEqual([true, true, true, true]);
  for (const [at, chunk] of chunks.entries()) chunk.fill(at);
  expect(chunks.map((chunk) => new Set(chunk))).toEqual([0, 1, 2, 3].map((at) => new Set([at])));
  expect(
    [chunks[0]!.subarray(0, 100), chunks[0]!.subarray(100), Buffer.alloc(chunkBytes)].map(isOnPages),
  ).toEqual([false, false, false]);
});
