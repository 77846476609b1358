// The two streams: what goes in comes out, whatever program made the frames and however they are cut; and what is no whole
// row of frames is never taken for one. Node's decompressor alone ends after the first frame without a word.
import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plaintextOf } from '../../../src/transport/compressed/decode.ts';
import { Encoder, intoFile } from '../../../src/transport/compressed/encode.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { faultOf } from '../../program/fault.ts';
import { neverStopped, openFilesIn, patterned } from '../archives.ts';

const frame = (content: Uint8Array): Buffer =>
  zstdCompressSync(content, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
/** Metadata that a decoder passes over (RFC 8878, 3.1.2). */
const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4]);

async function decode(path: string, limitBytes = Infinity): Promise<Buffer> {
  const descriptor = openSync(path, 'r');
  try {
    const chunks: Buffer[] = [];
    const stored = { descriptor, stats: fstatSync(descriptor), path: 'FILE', form: 'zstd' as const };
    for await (const chunk of plaintextOf(stored, limitBytes, neverStopped)) chunks.push(Buffer.from(chunk));
    const lengths = chunks.slice(0, -1).map(({ length }) => length % 65_536);
    expect(
      lengths.every((rest) => rest === 0),
      'whole chunks',
    ).toBe(true);
    return Buffer.concat(chunks);
  } finally {
    closeSync(descriptor);
  }
}

const decodeBytes = (sandbox: Sandbox, bytes: Uint8Array, limitBytes?: number): Promise<Buffer> =>
  decode(sandbox.file('decoded.zst', bytes), limitBytes);

async function encode(
  path: string,
  content: Buffer,
  step: number,
  sizeBytes = content.length,
): Promise<void> {
  const descriptor = openSync(path, 'w');
  const encoder = new Encoder(intoFile(descriptor), sizeBytes);
  try {
    for (let at = 0; at < content.length; at += step) await encoder.add(content.subarray(at, at + step));
    await encoder.end();
  } finally {
    encoder.close();
    closeSync(descriptor);
  }
}

/** Noise, repetition and zeros, as in a segment, up to 3 MB. */
const contents = fc
  .array(
    fc.record({
      length: fc.oneof(fc.nat(2000), fc.constantFrom(65_536, 131_072, 524_288), fc.nat(1_000_000)),
      seed: fc.option(fc.nat(1000), { nil: undefined }),
    }),
    { maxLength: 3 },
  )
  .map((parts) =>
    Buffer.concat(
      parts.map(({ length, seed }) => (seed === undefined ? Buffer.alloc(length) : patterned(length, seed))),
    ),
  );

describe('the encoder and the decoder', () => {
  it('give back what they got, in whatever pieces it came', async () => {
    await using sandbox = makeSandbox('codec');
    const path = join(sandbox.path, 'encoded.zst');
    await fc.assert(
      fc.asyncProperty(contents, fc.constantFrom(65_536, 524_288, 100_003), async (content, step) => {
        await encode(path, content, step);
        expect((await decode(path)).equals(content)).toBe(true);
      }),
      { numRuns: 40 },
    );
    expect(openFilesIn(sandbox.path)).toEqual([]);
  });

  it('read any row of frames to its end', async () => {
    await using sandbox = makeSandbox('codec');
    const row = fc.array(
      fc.oneof(
        contents.map((content) => ({ content, bytes: frame(content) })),
        fc.constant({ content: Buffer.alloc(0), bytes: skippable }),
      ),
      { minLength: 1, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(row, async (frames) => {
        const whole = Buffer.concat(frames.map(({ content }) => content));
        const bytes = Buffer.concat(frames.map((each) => each.bytes));
        expect((await decodeBytes(sandbox, bytes)).equals(whole)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('take no file that is cut short, and none with garbage after its frames, for a whole one', async () => {
    await using sandbox = makeSandbox('codec');
    const content = patterned(200_000, 1);
    const [first, second] = [frame(content), frame(patterned(3000, 2))];
    const both = Buffer.concat([first, second]);
    const isWhole = (length: number): boolean => length === first.length || length === both.length;
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.nat(both.length - 1), fc.integer({ min: first.length - 8, max: first.length + 20 })),
        fc
          .uint8Array({ minLength: 4, maxLength: 20 })
          .filter((bytes) => bytes[0] !== 0x28 && bytes[3] !== 0x18),
        async (length, garbage) => {
          if (!isWhole(length))
            expect((await faultOf(() => decodeBytes(sandbox, both.subarray(0, length)))).kind).toBe(
              'invalid-file',
            );
          for (const bytes of [first, both]) {
            const longer = Buffer.concat([bytes, garbage]);
            expect((await faultOf(() => decodeBytes(sandbox, longer))).kind).toBe('invalid-file');
          }
        },
      ),
      { numRuns: 60 },
    );
    expect(openFilesIn(sandbox.path)).toEqual([]);
  });

  it('notice every flipped bit of a frame with a checksum, or give the right content', async () => {
    await using sandbox = makeSandbox('codec');
    const content = patterned(5000, 1);
    const bytes = frame(content);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length * 8 - 1), async (bit) => {
        const damaged = Buffer.from(bytes);
        damaged[bit >> 3]! ^= 1 << (bit & 7);
        const decoded = await decodeBytes(sandbox, damaged).catch((error: unknown) => error);
        // One bit of the header is reserved for later, and another one says that there is no checksum.
        if (Buffer.isBuffer(decoded)) expect(decoded.equals(content)).toBe(true);
        else expect(decoded).toMatchObject({ kind: 'invalid-file' });
      }),
      { numRuns: 200 },
    );
  });

  it('stop at the limit, long before a bomb has been decoded', async () => {
    await using sandbox = makeSandbox('codec');
    const bomb = frame(Buffer.alloc(400 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(100_000);
    const before = process.memoryUsage().rss;
    expect(await faultOf(() => decodeBytes(sandbox, bomb, 1_048_576))).toEqual({
      kind: 'invalid-file',
      message: 'FILE holds more than the 1048576 bytes it may',
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  it('refuse a file that is empty, and one that is no zstd', async () => {
    await using sandbox = makeSandbox('codec');
    const hint = 'Nothing was restored from it. See what is wrong with it: zstd -t "FILE".';
    expect(await faultOf(() => decodeBytes(sandbox, Buffer.alloc(0)))).toEqual({
      kind: 'invalid-file',
      message: 'FILE is damaged: it is empty',
      hint,
    });
    expect(await faultOf(() => decodeBytes(sandbox, Buffer.from('not compressed')))).toEqual({
      kind: 'invalid-file',
      message: 'FILE is damaged: Unknown frame descriptor',
      hint,
    });
  });

  it.each([-1, 1])('refuse a source that changes its size while it is read: by %i', async (change) => {
    await using sandbox = makeSandbox('codec');
    const path = join(sandbox.path, 'encoded.zst');
    expect(await faultOf(() => encode(path, patterned(200_000, 1), 65_536, 200_000 + change))).toEqual({
      kind: 'source-missing',
      message: 'the file changed its size while it was read',
    });
  });
});

describe("Debian's zstd", () => {
  const zstd = (...words: string[]): string => {
    const { status, stdout, stderr } = spawnSync('zstd', words, { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return stdout;
  };

  it('decodes what the encoder makes, and knows its size and checksum without decoding', async () => {
    await using sandbox = makeSandbox('codec');
    const content = patterned(3_000_000, 1);
    const [path, target] = [join(sandbox.path, 'encoded.zst'), join(sandbox.path, 'decoded')];
    await encode(path, content, 524_288);
    zstd('-q', '-t', path);
    zstd('-q', '-d', path, '-o', target);
    expect(readFileSync(target).equals(content)).toBe(true);
    expect(zstd('-q', '-l', path)).toMatch(/^ +1 +0 +.* XXH64 /m);
  });

  it.each([
    ['as it does by itself', ['-q']],
    ['of the highest level, with a large window', ['-q', '-19']],
    ['without a checksum', ['-q', '--no-check']],
    ['without a size', ['-q', '--no-content-size']],
    ['by several threads', ['-q', '-T2', '-B1MiB']],
  ])('makes files that the decoder reads: %s', async (_, options) => {
    await using sandbox = makeSandbox('codec');
    const content = Buffer.concat([patterned(3_000_000, 1), Buffer.alloc(2_000_000)]);
    const source = join(sandbox.path, 'source');
    writeFileSync(source, content);
    zstd(...options, source, '-o', `${source}.zst`);
    expect((await decode(`${source}.zst`)).equals(content)).toBe(true);
  });
});

describe('an encoder of a file that is not as long as was said', () => {
  const megabyte = 1024 * 1024;
  it.each([
    ['longer', 0, 4],
    ['longer by less than a page', megabyte, megabyte + 4],
    ['longer by chunks', megabyte, 3 * megabyte],
    ['shorter', 2 * megabyte, megabyte],
  ])('ends when that is %s, and says so', async (_, announced, actual) => {
    const encoder = new Encoder(() => undefined, announced);
    const work = async (): Promise<void> => {
      for (let at = 0; at < actual; at += megabyte)
        await encoder.add(patterned(Math.min(megabyte, actual - at), at));
      await encoder.end();
    };
    expect(await faultOf(work)).toEqual({
      kind: 'source-missing',
      message: 'the file changed its size while it was read',
    });
    encoder.close();
  });
});
