// Frames: whatever is written comes out again however the stream is cut, and what is no frame is refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dataFrames,
  endFrame,
  FrameReader,
  messageFrame,
  type Frame,
} from '../../../src/transport/wire/frames.ts';

/** The frames of a stream that arrives in pieces of these lengths, data joined. */
function readIn(pieces: readonly number[], stream: Buffer): { frames: Frame[]; whole: boolean } {
  const reader = new FrameReader();
  const frames: Frame[] = [];
  const take = (bytes: Buffer): void => {
    for (const frame of reader.read(bytes)) {
      const last = frames.at(-1);
      if (frame.kind === 'data' && last?.kind === 'data' && last.id === frame.id)
        last.bytes = Buffer.concat([last.bytes, frame.bytes]);
      else frames.push(frame.kind === 'data' ? { ...frame, bytes: Buffer.from(frame.bytes) } : frame);
    }
  };
  let at = 0;
  for (const length of pieces) {
    take(stream.subarray(at, at + length));
    at += length;
  }
  take(stream.subarray(at));
  return { frames, whole: reader.isBetweenFrames };
}

const id = fc.integer({ min: 0, max: 0xffff_ffff });
const sent = fc.oneof(
  fc.record({ kind: fc.constant('message' as const), id, text: fc.string() }),
  fc.record({
    kind: fc.constant('data' as const),
    id,
    bytes: fc.uint8Array({ minLength: 1, maxLength: 200 }),
  }),
  fc.record({ kind: fc.constant('end' as const), id }),
);

const bytesOf = (frame: Frame | { kind: 'data'; id: number; bytes: Uint8Array }): Buffer => {
  if (frame.kind === 'message') return messageFrame(frame.id, { text: frame.text });
  return frame.kind === 'end'
    ? endFrame(frame.id)
    : Buffer.concat(dataFrames(frame.id, Buffer.from(frame.bytes)));
};

const begin = (kind: number, length: number): Buffer => {
  const header = Buffer.alloc(9);
  header.writeUInt8(kind, 0);
  header.writeUInt32BE(length, 5);
  return header;
};

describe('frames', () => {
  it('come out as they went in, wherever the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(sent), fc.array(fc.integer({ min: 0, max: 30 })), (all, pieces) => {
        const { frames, whole } = readIn(pieces, Buffer.concat(all.map(bytesOf)));
        expect(whole).toBe(true);
        const expected: object[] = [];
        for (const frame of all) {
          const last = expected.at(-1) as { kind: string; id: number; bytes: Buffer } | undefined;
          if (frame.kind === 'data' && last?.kind === 'data' && last.id === frame.id)
            last.bytes = Buffer.concat([last.bytes, frame.bytes]);
          else if (frame.kind === 'data') expected.push({ ...frame, bytes: Buffer.from(frame.bytes) });
          else if (frame.kind === 'message')
            expected.push({ ...frame, text: JSON.stringify({ text: frame.text }) });
          else expected.push(frame);
        }
        expect(frames).toEqual(expected);
      }),
    );
  });

  it('of data that is longer than one frame are several', () => {
    const bytes = Buffer.alloc(2_500_000, 7);
    const { frames } = readIn([], Buffer.concat(dataFrames(3, bytes)));
    expect(frames.map((frame) => frame.kind === 'data' && frame.bytes.equals(bytes))).toEqual([true]);
    expect(dataFrames(3, bytes).length).toBe(6);
  });

  it('that are cut off are told from whole ones', () => {
    const stream = messageFrame(1, { verb: 'stat' });
    for (let length = 1; length < stream.length; length++)
      expect(readIn([], stream.subarray(0, length)).whole, `${length} bytes`).toBe(false);
  });

  it.each([
    ['a kind that does not exist', begin(9, 0), 'a frame of kind 9'],
    ['a message that is too long', begin(1, 65_537), 'a frame of 65537 bytes'],
    ['data that is too long', begin(2, 1_048_577), 'a frame of 1048577 bytes'],
    ['an end with bytes', begin(3, 1), 'a frame of 1 bytes'],
  ])('with %s are refused at their header', (_, bytes, reason) => {
    expect(() => readIn([], bytes)).toThrow(`the far side does not keep to the protocol: ${reason}`);
  });

  it('are refused, or wait for more, but never break the reader, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          readIn([], Buffer.from(bytes));
        } catch (error) {
          expect((error as { kind?: string }).kind).toBe('protocol');
        }
      }),
    );
  });
});
