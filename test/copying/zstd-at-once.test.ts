// Frames through one codec: what is no frame, is cut, or does not fit says so, and the next good one is read as ever.
import { randomBytes } from 'node:crypto';
import {
  constants,
  createZstdCompress,
  createZstdDecompress,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ZstdAtOnce } from '../../src/copying/zstd-at-once.ts';

const into = Buffer.alloc(100_000);
const encoder = (): ZstdAtOnce => new ZstdAtOnce(() => createZstdCompress(), constants.ZSTD_e_end);
const decoder = (): ZstdAtOnce => new ZstdAtOnce(() => createZstdDecompress(), constants.ZSTD_e_continue);
const bytes = Buffer.concat([randomBytes(3000), Buffer.alloc(50_000, 7)]);

describe('an encoder', () => {
  it('makes a frame of its own of each piece', () => {
    const codec = encoder();
    for (const piece of [bytes, bytes.subarray(0, 1), randomBytes(9000), bytes]) {
      const length = codec.run(piece, into, into.length);
      expect(zstdDecompressSync(into.subarray(0, length)).equals(piece)).toBe(true);
    }
    codec.close();
  });

  it('does not say that a frame is whole for which there was no room', () => {
    const codec = encoder();
    expect(codec.run(bytes, into, 1000)).toBeUndefined();
    const length = codec.run(bytes, into, into.length);
    expect(zstdDecompressSync(into.subarray(0, length)).equals(bytes)).toBe(true);
    codec.close();
  });
});

describe('a decoder', () => {
  const frame = zstdCompressSync(bytes);
  const expectGood = (codec: ZstdAtOnce): void => {
    expect(codec.run(frame, into, bytes.length + 64)).toBe(bytes.length);
    expect(into.subarray(0, bytes.length).equals(bytes)).toBe(true);
  };

  it.each<[string, Buffer]>([
    ['none', randomBytes(5000)],
    ['damaged', Buffer.concat([frame.subarray(0, 1500), Buffer.alloc(40, 0xff), frame.subarray(1540)])],
    ['two', Buffer.concat([frame, frame])],
  ])('reads a good frame after one that is %s', (_, bad) => {
    const codec = decoder();
    expectGood(codec);
    const length = codec.run(bad, into, bytes.length + 64);
    if (length !== undefined) expect(into.subarray(0, length).equals(bytes)).toBe(false);
    expectGood(codec);
    expectGood(codec);
    codec.close();
  });

  it('tells by its length that a frame was cut, and reads a good one once it is closed', () => {
    const codec = decoder();
    expect(codec.run(frame.subarray(0, frame.length - 20), into, bytes.length + 64)).not.toBe(bytes.length);
    codec.close();
    expectGood(codec);
    codec.close();
  });

  it('fills no more than there is room for', () => {
    const codec = decoder();
    into.fill(0);
    expect(codec.run(frame, into, 1000)).toBeUndefined();
    expect(into.subarray(1000).every((byte) => byte === 0)).toBe(true);
    expectGood(codec);
    codec.close();
  });
});
