// What a target behind a receiver has summed already of what it holds need not be summed at the source: the checksum that the
// manifest has of a file is the same.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buffersOf } from '../../../src/backup/source/buffers.ts';
import type { ChecksumName } from '../../../src/backup/source/checksum-names.ts';
import { checksumOfBytes } from '../../../src/backup/source/file-checksum.ts';
import { sendFile } from '../../../src/backup/source/send-file.ts';
import { Crc32c, crcsOfParts, partBytes, type PartCrcs } from '../../../src/copying/sums/crc32c.ts';
import { chunkBytes, type ArrivingFile, type Target } from '../../../src/copying/target.ts';
import { neverStopped } from '../near/scene.ts';
import { changed, dense, page } from './bytes.ts';
import { contentOf, farScene, prepared, send, type FarScene } from './scene.ts';

let scene: FarScene;
let directory: string;
let target: Target;

beforeAll(async () => {
  scene = await farScene('crcs');
  directory = scene.place();
  target = await prepared(scene, directory);
});

afterAll(() => scene[Symbol.asyncDispose]());

/** Brings all of a file, each chunk compared before it is taken: what was said of each. */
async function comparing(file: ArrivingFile, bytes: Buffer): Promise<(PartCrcs | undefined)[]> {
  const told: (PartCrcs | undefined)[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const chunk = bytes.subarray(at, at + chunkBytes);
    told.push(await file.compare(chunk));
    await file.take(chunk);
  }
  expect(await file.end(bytes.length)).toBe('written');
  return told;
}

/** Of a file that is there as `old` when `now` comes. */
async function toldOf(path: string, old: Buffer, now: Buffer): Promise<(PartCrcs | undefined)[]> {
  await send(target, path, old);
  const told = await comparing(await target.file(path, 0o600, neverStopped, true), now);
  expect(contentOf(directory, path).equals(now)).toBe(true);
  return told;
}

/** The right ones of a chunk, but for those of some parts. */
const but = (chunk: Buffer, ...parts: number[]): PartCrcs =>
  crcsOfParts(chunk).map((crc, part) => (parts.includes(part) ? undefined : crc >>> 0));

describe('a chunk that is compared', () => {
  const old = dense(2 * chunkBytes + partBytes + 5 * page + 100, 1);
  const [first, second, third] = [0, 1, 2].map((chunk) =>
    old.subarray(chunk * chunkBytes, (chunk + 1) * chunkBytes),
  ) as [Buffer, Buffer, Buffer];

  it('is known as it is there', async () => {
    expect(await toldOf('base/1', old, old)).toEqual([but(first), but(second), but(third)]);
  });

  it('is not known in the parts where a page is another one', async () => {
    const now = changed(old, 0, 7, 8 * 3 + 4, 64 + 63, 128 + 8);
    expect(await toldOf('base/2', old, now)).toEqual([but(first, 0, 3), but(second, 7), but(third, 1)]);
  });

  it('is not known where the file there goes on, though its pages are the same', async () => {
    const now = old.subarray(0, 2 * chunkBytes + 3 * page);
    const told = await toldOf('base/3', old, now);
    expect(told).toEqual([but(first), but(second), [undefined]]);
  });

  it('is not known where the file there ends before', async () => {
    const now = Buffer.concat([old, dense(3 * page, 2)]);
    const last = now.subarray(2 * chunkBytes);
    expect(await toldOf('base/4', old, now)).toEqual([but(first), but(second), but(last, 1, 2)]);
    const far = Buffer.concat([old, dense(2 * chunkBytes, 3)]);
    const told = await toldOf('base/5', old, far);
    expect(told.slice(2)).toEqual([
      but(far.subarray(2 * chunkBytes, 3 * chunkBytes), 1, 2, 3, 4, 5, 6, 7),
      undefined,
      undefined,
    ]);
  });

  it('is told of only where somebody wants to know, and something is there', async () => {
    await send(target, 'base/6', old);
    const asked = await target.file('base/6', 0o600, neverStopped);
    expect(await comparing(asked, old)).toEqual([undefined, undefined, undefined]);
    const fresh = await target.file('base/7', 0o600, neverStopped, true);
    expect(await comparing(fresh, old)).toEqual([undefined, undefined, undefined]);
  });

  it('says nothing of the next one, which need not be compared', async () => {
    await send(target, 'base/9', old);
    const now = changed(old, 64 + 3);
    const file = await target.file('base/9', 0o600, neverStopped, true);
    await file.compare(first);
    for (let at = 0; at < now.length; at += chunkBytes) await file.take(now.subarray(at, at + chunkBytes));
    expect(await file.end(now.length)).toBe('written');
    expect(contentOf(directory, 'base/9').equals(now)).toBe(true);
  });

  it('is not waited for longer than anybody wants it', async () => {
    await send(target, 'base/8', old);
    const stop = new AbortController();
    const file = await target.file('base/8', 0o600, stop.signal, true);
    const comparison = file.compare(first);
    stop.abort(new Error('enough'));
    await expect(comparison).rejects.toThrow('enough');
    expect(await toldOf('base/8', old, old)).toHaveLength(3);
  });
});

/** A target that says of the first part of each chunk what it likes, or fails; what it was asked for. */
function lying(crc: number | Error): { target: Target; asked: (boolean | undefined)[] } {
  const asked: (boolean | undefined)[] = [];
  const file: Target['file'] = async (path, mode, signal, wantsCrcs) => {
    asked.push(wantsCrcs);
    const arriving = await target.file(path, mode, signal, wantsCrcs);
    return Object.assign(Object.create(arriving) as ArrivingFile, {
      compare: () => (typeof crc === 'number' ? Promise.resolve([crc]) : Promise.reject(crc)),
      take: (bytes: Buffer) => arriving.take(bytes),
      end: (sizeBytes: number) => arriving.end(sizeBytes),
      close: () => arriving.close(),
    });
  };
  return { target: Object.assign(Object.create(target) as Target, { file }), asked };
}

describe('what is told of a chunk', () => {
  const bytes = dense(2 * chunkBytes, 21);
  const from = (): string => {
    const path = join(scene.sandbox.path, 'told');
    writeFileSync(path, bytes);
    return path;
  };
  const sent = (by: Target, checksums: ChecksumName, buffers = buffersOf(2)) =>
    sendFile(
      { from: from(), to: 'base/told', mode: 0o600 },
      { target: by, buffers, checksums, progress: () => undefined, signal: neverStopped },
    );

  it('is believed, and asked for where the manifest has that checksum', async () => {
    const { target: liar, asked } = lying(7);
    const sum = new Crc32c();
    for (const at of [0, chunkBytes]) sum.add(bytes.subarray(at, at + chunkBytes), [7]);
    const hex = Buffer.alloc(4);
    hex.writeUInt32LE(sum.value);
    expect(await sent(liar, 'CRC32C')).toMatchObject({ checksum: hex.toString('hex') });
    expect(await sent(liar, 'SHA256')).toMatchObject({ checksum: checksumOfBytes(bytes, 'SHA256') });
    expect(asked).toEqual([true, false]);
  });

  it('gives its buffer back where it is not told', async () => {
    const buffers = buffersOf(2);
    await expect(sent(lying(new Error('not told')).target, 'CRC32C', buffers)).rejects.toThrow('not told');
    for (let count = 0; count < 2; count++) await buffers.take();
  });
});

describe('the checksum of a file for the manifest', () => {
  const old = dense(5 * chunkBytes + 3 * partBytes + 77, 11);
  const cases: [string, Buffer][] = [
    ['that is there', old],
    ['of which pages are others', changed(old, 0, 63, 64, 130, 200, 300, 343)],
    ['that has become longer', Buffer.concat([old, dense(chunkBytes, 12)])],
    ['that has become shorter', old.subarray(0, 3 * chunkBytes + 9 * page)],
    ['that has become shorter within a page', old.subarray(0, old.length - 20)],
  ];
  const names: ChecksumName[] = ['CRC32C', 'SHA256', 'NONE'];

  it.each(names.flatMap((name) => cases.map(([what, now]) => [name, what, now] as const)))(
    'is its %s, of one %s',
    async (checksums, what, now) => {
      const to = `base/${checksums}-${what.replaceAll(' ', '-')}`;
      const from = join(scene.sandbox.path, 'source');
      await send(target, to, old);
      writeFileSync(from, now);
      const buffers = buffersOf(4);
      const sending = { target, buffers, checksums, progress: () => undefined, signal: neverStopped };
      expect(await sendFile({ from, to, mode: 0o600 }, sending)).toMatchObject({
        sizeBytes: now.length,
        checksum: checksumOfBytes(now, checksums),
      });
      expect(contentOf(directory, to).equals(now)).toBe(true);
    },
  );
});
