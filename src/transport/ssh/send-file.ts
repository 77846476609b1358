// The bytes of a local file on their way to a receiver: read once, hashed, inspected and compressed in one go; what came of
// it waits in memory until the receiver wants it. A file that stays large is compressed again while it is sent.
import { createHash } from 'node:crypto';
import { Encoder, type Purpose } from '../compressed/encode.ts';
import { readBytes } from '../copy.ts';
import type { Inspect } from '../transport.ts';
import type { Encoding } from '../wire/messages.ts';
import type { Conversation } from './conversation.ts';

/** How much of a compressed file waits in memory, in bytes; an ordinary segment of 16 MB has 2 to 6 MB then. */
const mostWaiting = 8 * 1024 * 1024;

export interface FileToSend {
  descriptor: number;
  sizeBytes: number;
  /** What the receiver will keep. */
  store: Encoding;
}

export interface Packed {
  /** Of the plaintext: 64 lower-case hexadecimal digits. */
  sha256: string;
  /** One zstd frame; undefined where it is too large to wait in memory. */
  frame: readonly Buffer[] | undefined;
}

const purposeOf = (store: Encoding): Purpose => (store === 'zstd' ? 'keep' : 'send');

/** Reads all of the file, which is inspected meanwhile. */
export async function packFile(
  { descriptor, sizeBytes, store }: FileToSend,
  inspect: Inspect,
  signal: AbortSignal,
): Promise<Packed> {
  const hash = createHash('sha256');
  const frame: Buffer[] = [];
  let waitingBytes = 0;
  const keep = (piece: Buffer): void => {
    waitingBytes += piece.length;
    frame.push(piece);
  };
  const encoder = new Encoder(keep, sizeBytes, purposeOf(store));
  try {
    await readBytes(descriptor, signal, async (chunk) => {
      // First: of a file that still grows it says what is wrong, and the compressor only that it fails.
      inspect.add(chunk);
      // Compressed on another thread while it is hashed here.
      const added = waitingBytes > mostWaiting ? undefined : encoder.add(chunk);
      hash.update(chunk);
      await added;
    });
    inspect.end();
    if (waitingBytes > mostWaiting) frame.length = 0;
    else await encoder.end();
  } finally {
    encoder.close();
  }
  return { sha256: hash.digest('hex'), frame: frame.length === 0 ? undefined : frame };
}

/** Sends the frame, or a new one; false when the receiver has answered before its end. */
export async function sendFile(
  file: FileToSend,
  { frame }: Packed,
  conversation: Conversation,
  signal: AbortSignal,
): Promise<boolean> {
  const send = async (piece: Buffer): Promise<void> => {
    if (!conversation.hasReply) await conversation.send(piece);
  };
  if (frame === undefined) await sendAnew(file, send, conversation, signal);
  else for (const piece of frame) await send(piece);
  if (conversation.hasReply) return false;
  await conversation.sent();
  return true;
}

async function sendAnew(
  { descriptor, sizeBytes, store }: FileToSend,
  send: (piece: Buffer) => Promise<void>,
  conversation: Conversation,
  signal: AbortSignal,
): Promise<void> {
  const encoder = new Encoder(send, sizeBytes, purposeOf(store));
  const answered = new AbortController();
  try {
    await readBytes(descriptor, AbortSignal.any([signal, answered.signal]), async (chunk) => {
      if (conversation.hasReply) answered.abort();
      else await encoder.add(chunk);
    });
    await encoder.end();
  } catch (error) {
    // The answer that is there says what happened.
    if (!answered.signal.aborted || signal.aborted) throw error;
  } finally {
    encoder.close();
  }
}
