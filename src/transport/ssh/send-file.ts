// The bytes of a local file on their way to a receiver: read once for their hash and the inspection, and a second time,
// compressed, for the network. A receiver that has the content already never sees the second pass.
import { createHash } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import { readBytes } from '../copy.ts';
import type { Inspect } from '../transport.ts';
import type { Encoding } from '../wire/messages.ts';
import type { Conversation } from './link.ts';

/** For the way only: faster than most networks carry it. */
const level = 1;
/** Where the receiver keeps the frame as it comes. */
const levelToKeep = 3;

const pieceBytes = 262_144;

/** The SHA-256 of an open file, which is inspected meanwhile: 64 lower-case hexadecimal digits. */
export async function hashInspected(
  descriptor: number,
  inspect: Inspect,
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash('sha256');
  await readBytes(descriptor, signal, (chunk) => {
    inspect.add(chunk);
    hash.update(chunk);
  });
  inspect.end();
  return hash.digest('hex');
}

export interface FileToSend {
  descriptor: number;
  sizeBytes: number;
  /** What the receiver will keep. */
  store: Encoding;
}

/** Sends the file as one zstd frame with a checksum, unless the receiver has answered before its end. */
export async function sendFile(
  { descriptor, sizeBytes, store }: FileToSend,
  conversation: Conversation,
  signal: AbortSignal,
): Promise<void> {
  const compress = createZstdCompress({
    chunkSize: pieceBytes,
    pledgedSrcSize: sizeBytes,
    params: {
      [constants.ZSTD_c_compressionLevel]: store === 'zstd' ? levelToKeep : level,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  });
  const send = async (pieces: AsyncIterable<Buffer>): Promise<void> => {
    for await (const piece of pieces) {
      if (conversation.hasReply) return;
      await conversation.send(piece);
    }
    await conversation.sent();
  };
  try {
    await pipeline((): AsyncIterable<Buffer> => chunksOf(descriptor, signal), compress, send, { signal });
  } catch (error) {
    // A pipeline that is left early calls that a fault; the answer that is there says what happened.
    if (!conversation.hasReply) throw error;
  }
}

/** The chunks of a file, each a buffer of its own: what a compressor holds must not be written over. */
async function* chunksOf(descriptor: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  const { readInto } = await import('../../program/system-calls.ts');
  for (let at = 0; ;) {
    signal.throwIfAborted();
    const buffer = Buffer.allocUnsafeSlow(pieceBytes);
    const { bytesRead } = await readInto(descriptor, buffer, 0, pieceBytes, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
