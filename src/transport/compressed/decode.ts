// A stored file's plaintext, piece by piece, whatever its form. A compressed file may come from somebody's `zstd`, so it may
// have several frames; Node's decompressor ends after the first one without a word, also before garbage.
import { constants, createZstdDecompress, type ZstdDecompress } from 'node:zlib';
import { ProgramError } from '../../program/program-error.ts';
import { readInto } from '../../program/system-calls.ts';
import { chunkBytes, fill, type OpenFile } from '../copy.ts';
import type { Form } from '../stored-form.ts';

const inputBytes = 65_536;
/** What a decompressor gives at a time, in bytes: each piece costs a call two turns of the event loop. */
const pieceBytes = 524_288;

/** For what comes over a network: whoever sends it does not decide how much memory decoding takes; ours need 2 MB. */
export const decoding = { chunkSize: pieceBytes, params: { [constants.ZSTD_d_windowLogMax]: 23 } };

/** An open file of an archive. `path` is for messages. */
export interface Stored extends OpenFile {
  path: string;
  form: Form;
}

/**
 * The plaintext in chunks as an inspection wants them; each is valid until the next is asked for. Throws `invalid-file`
 * for what cannot be decoded, and as soon as there is more than `limitBytes` of it.
 */
export async function* plaintextOf(
  stored: Stored,
  limitBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  let total = 0;
  for await (const chunk of stored.form === 'plain' ? read(stored, signal) : regrouped(stored, signal)) {
    total += chunk.length;
    if (total > limitBytes)
      throw new ProgramError('invalid-file', `${stored.path} holds more than the ${limitBytes} bytes it may`);
    yield chunk;
  }
}

async function* read({ descriptor }: Stored, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  const chunk = Buffer.allocUnsafeSlow(chunkBytes);
  for (let at = 0; ; at += chunkBytes) {
    signal.throwIfAborted();
    const length = await fill(descriptor, chunk, at);
    signal.throwIfAborted();
    if (length > 0) yield chunk.subarray(0, length);
    if (length < chunkBytes) return;
  }
}

async function* regrouped(stored: Stored, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  const chunk = Buffer.allocUnsafeSlow(chunkBytes);
  let length = 0;
  for await (const piece of decoded(stored, signal)) {
    for (let at = 0; at < piece.length;) {
      const copied = piece.copy(chunk, length, at);
      [at, length] = [at + copied, length + copied];
      if (length < chunkBytes) continue;
      yield chunk;
      length = 0;
    }
  }
  if (length > 0) yield chunk.subarray(0, length);
}

/** Frame after frame to the last byte: whatever follows a frame must be another one. */
async function* decoded(stored: Stored, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  const { path, stats } = stored;
  signal.throwIfAborted();
  if (stats.size === 0) throw damaged(path, new Error('it is empty'));
  for (let at = 0; at < stats.size;) {
    const decoder = createZstdDecompress({ chunkSize: pieceBytes });
    // What is wrong with bytes after the frame, the next turn finds out.
    decoder.on('error', () => undefined);
    const fed = feed(decoder, stored.descriptor, at);
    try {
      for await (const piece of decoder) {
        signal.throwIfAborted();
        yield piece as Buffer;
      }
    } catch (error) {
      throw isOfDecoder(error) ? damaged(path, error) : error;
    } finally {
      decoder.destroy();
      // The descriptor must not be closed under a call that is still running.
      await fed;
    }
    if (decoder.bytesWritten === 0) throw damaged(path, new Error('it cannot be decoded'));
    at += decoder.bytesWritten;
  }
}

/** Gives the decoder the file from an offset on, until that ends or the decoder has had enough. Never rejects. */
async function feed(decoder: ZstdDecompress, descriptor: number, from: number): Promise<void> {
  const input = Buffer.allocUnsafeSlow(inputBytes);
  let isOver = false;
  const over = new Promise<void>((resolve) => {
    const end = (): void => {
      isOver = true;
      resolve();
    };
    decoder.once('end', end);
    decoder.once('close', end);
  });
  try {
    for (let at = from; !isOver;) {
      const { bytesRead } = await readInto(descriptor, input, 0, input.length, at);
      if (isOver) return;
      if (bytesRead === 0) return void decoder.end();
      at += bytesRead;
      const taken = new Promise<void>((resolve) => {
        decoder.write(input.subarray(0, bytesRead), () => resolve());
      });
      await Promise.race([taken, over]);
    }
  } catch (error) {
    decoder.destroy(error as Error);
  }
}

const isOfDecoder = (error: unknown): error is Error & { code: string } =>
  /^(ZSTD_error_|Z_)/.test(String((error as { code?: unknown } | null)?.code));

function damaged(path: string, cause: Error): ProgramError {
  return new ProgramError('invalid-file', `${path} is damaged: ${cause.message}`, {
    hint: `Nothing was restored from it. See what is wrong with it: zstd -t "${path}".`,
    cause,
  });
}
