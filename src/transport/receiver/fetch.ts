// GET and LIST: what a receiver gives back where it may be read.
import { join } from 'node:path';
import { ProgramError } from '../../program/program-error.ts';
import { areSame, Tally, withForms, type Contents } from '../compressed/contents.ts';
import { plaintextOf, type Stored } from '../compressed/decode.ts';
import { Encoder } from '../compressed/encode.ts';
import { agreedContents, notOnRecord } from '../compressed/fetch-compressed.ts';
import type { Message } from '../wire/messages.ts';
import type { Admitted } from './admission.ts';
import type { Talk } from './talk.ts';

/** Names are sent in pieces of about this many bytes. */
const listPieceBytes = 65_536;

/** Sends the plaintext of a file, compressed for the way, and then its hash. */
async function send(stored: Stored, expected: Contents | undefined, talk: Talk): Promise<void> {
  const size = expected?.sizeBytes ?? stored.stats.size;
  await talk.reply({ reply: 'found', size, encoding: 'zstd' });
  const tally = new Tally();
  const encoder = new Encoder((piece) => talk.send(piece), size, 'send');
  try {
    for await (const chunk of plaintextOf(stored, size, talk.signal)) {
      // Compressed on another thread while it is hashed here.
      const added = encoder.add(chunk);
      tally.add(chunk);
      await added;
    }
    await encoder.end();
  } finally {
    encoder.close();
  }
  const contents = tally.end();
  if (expected !== undefined && !areSame(contents, expected)) throw notOnRecord(stored);
  await talk.sent();
  await talk.reply({ reply: 'sent', sha256: contents.sha256 });
}

/** The file in whichever form it is there; in both, both must hold the same. */
export async function fetch(request: Message, { archive, directory }: Admitted, talk: Talk): Promise<void> {
  const name = request.walName('name');
  const target = join(directory, name);
  const isSent = await withForms(target, async ([stored, other]) => {
    if (stored === undefined) return false;
    const isPlain = stored.form === 'plain' && other === undefined;
    await send(stored, isPlain ? undefined : await agreedContents(target, stored, other, talk.signal), talk);
    return true;
  });
  if (isSent) return;
  // "missing" is only true while the directory is still the archive.
  if ((await archive.stat(name, talk.signal)) === 'missing') return talk.reply({ reply: 'missing' });
  throw new ProgramError('input-output', `${name} came to ${archive.url} while it was looked for`);
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
