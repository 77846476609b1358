// GET and LIST: what a receiver gives back where it may be read.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createZstdCompress, constants } from 'node:zlib';
import { closeFile } from '../../program/system-calls.ts';
import type { Message } from '../wire/messages.ts';
import type { Admitted } from './admission.ts';
import type { Talk } from './talk.ts';

/** Names are sent in pieces of about this many bytes. */
const listPieceBytes = 65_536;

const chunkBytes = 262_144;

/** Sends the bytes of a file, compressed, and then their hash. */
export async function fetch(request: Message, { archive }: Admitted, talk: Talk): Promise<void> {
  const found = await archive.openFile(request.walName('name'), talk.signal);
  if (found === 'missing') return talk.reply({ reply: 'missing' });
  const hash = createHash('sha256');
  try {
    await talk.reply({ reply: 'found', size: found.stats.size, encoding: 'zstd' });
    const file = createReadStream('', {
      fd: found.descriptor,
      autoClose: false,
      start: 0,
      highWaterMark: chunkBytes,
    });
    const hashed = async function* (bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const piece of bytes) {
        hash.update(piece);
        yield piece;
      }
    };
    const send = async (bytes: AsyncIterable<Buffer>): Promise<void> => {
      for await (const piece of bytes) await talk.send(piece);
    };
    const compress = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 1 } });
    await pipeline(file, hashed, compress, send, { signal: talk.signal });
  } finally {
    await closeFile(found.descriptor);
  }
  await talk.sent();
  await talk.reply({ reply: 'sent', sha256: hash.digest('hex') });
}

/** Sends the names of complete files, one a line. */
export async function list(_request: Message, { archive }: Admitted, talk: Talk): Promise<void> {
  const names = await archive.list(talk.signal);
  await talk.reply({ reply: 'listing', count: names.length });
  let piece: string[] = [];
  let length = 0;
  for (const name of names) {
    piece.push(name);
    length += name.length + 1;
    if (length < listPieceBytes) continue;
    await talk.send(Buffer.from(`${piece.join('\n')}\n`, 'latin1'));
    [piece, length] = [[], 0];
  }
  if (length > 0) await talk.send(Buffer.from(`${piece.join('\n')}\n`, 'latin1'));
  await talk.sent();
}
