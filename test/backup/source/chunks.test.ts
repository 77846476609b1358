// The chunks of a file, read ahead.
import { randomBytes } from 'node:crypto';
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buffersOf, type Buffers } from '../../../src/backup/source/buffers.ts';
import { chunksOf } from '../../../src/backup/source/chunks.ts';
import { chunkBytes } from '../../../src/copying/target.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';

/** Opened for writing, too. */
function opened(sandbox: Sandbox, bytes: Buffer): Disposable & { descriptor: number } {
  const descriptor = openSync(sandbox.file('file', bytes), 'r+');
  return { descriptor, [Symbol.dispose]: () => closeSync(descriptor) };
}

/** All of them are there again, or the test waits for good. */
async function expectAllBack(buffers: Buffers, count: number): Promise<void> {
  const all = await Promise.all(Array.from({ length: count }, () => buffers.take()));
  expect(new Set(all).size).toBe(count);
}

describe('the chunks of a file', () => {
  it.each([2, 3, 16])('come in order, with %i buffers', async (count) => {
    await using sandbox = makeSandbox('chunks');
    const bytes = randomBytes(9 * chunkBytes + 17);
    using file = opened(sandbox, bytes);
    const buffers = buffersOf(count);
    const came: Buffer[] = [];
    for await (const { buffer, length, offset } of chunksOf(file.descriptor, bytes.length, buffers)) {
      expect(offset).toBe(came.length * chunkBytes);
      came.push(Buffer.from(buffer.subarray(0, length)));
      buffers.give(buffer);
    }
    expect(came.map(({ length }) => length)).toEqual([...Array<number>(9).fill(chunkBytes), 17]);
    expect(Buffer.concat(came).equals(bytes)).toBe(true);
    await expectAllBack(buffers, count);
  });

  it('are those of two files that share what buffers there are', async () => {
    await using sandbox = makeSandbox('chunks');
    const bytes = randomBytes(12 * chunkBytes);
    using file = opened(sandbox, bytes);
    const buffers = buffersOf(3);
    const readAll = async (): Promise<number> => {
      let sum = 0;
      for await (const { buffer, length } of chunksOf(file.descriptor, bytes.length, buffers)) {
        sum += length;
        await new Promise((resolve) => setImmediate(resolve));
        buffers.give(buffer);
      }
      return sum;
    };
    expect(await Promise.all([readAll(), readAll()])).toEqual([bytes.length, bytes.length]);
    await expectAllBack(buffers, 3);
  });

  it.each([
    ['within a chunk', 2 * chunkBytes + 100, [chunkBytes, chunkBytes, 100]],
    ['between two', 2 * chunkBytes, [chunkBytes, chunkBytes]],
    ['to nothing', 0, []],
  ])('end where the file was cut off %s', async (_, cutTo, lengths) => {
    await using sandbox = makeSandbox('chunks');
    using file = opened(sandbox, randomBytes(8 * chunkBytes));
    ftruncateSync(file.descriptor, cutTo);
    const buffers = buffersOf(6);
    const came: number[] = [];
    for await (const { buffer, length } of chunksOf(file.descriptor, 8 * chunkBytes, buffers)) {
      came.push(length);
      buffers.give(buffer);
    }
    expect(came).toEqual(lengths);
    await expectAllBack(buffers, 6);
  });

  it('give back what was read ahead for nobody', async () => {
    await using sandbox = makeSandbox('chunks');
    const bytes = randomBytes(8 * chunkBytes);
    using file = opened(sandbox, bytes);
    const buffers = buffersOf(8);
    let came = 0;
    for await (const { buffer } of chunksOf(file.descriptor, bytes.length, buffers)) {
      buffers.give(buffer);
      came += 1;
      if (came === 3) break;
    }
    await expectAllBack(buffers, 8);
  });

  it('tell of a read that fails, and give all buffers back', async () => {
    await using sandbox = makeSandbox('chunks');
    const descriptor = openSync(sandbox.file('file', randomBytes(3 * chunkBytes)), 'a');
    const buffers = buffersOf(4);
    await expect(chunksOf(descriptor, 3 * chunkBytes, buffers).next()).rejects.toMatchObject({
      code: 'EBADF',
    });
    await expectAllBack(buffers, 4);
    closeSync(descriptor);
  });
});
