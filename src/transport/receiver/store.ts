// PUT: a file comes and gets its name, or the name is taken and its content is compared. Replies "go" when the bytes are
// wanted; the outcome is replied only once it is durable.
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import { fromSystemError, ProgramError } from '../../program/program-error.ts';
import { duplicateFault, hintFor } from '../archive-faults.ts';
import { findContents } from '../compressed/find-contents.ts';
import type { Contents } from '../compressed/contents.ts';
import { decoding } from '../compressed/decode.ts';
import type { WritableArchive } from '../filesystem-writing.ts';
import { formFor } from '../stored-form.ts';
import type { PutOutcome } from '../transport.ts';
import type { Put } from '../wire/messages.ts';
import { PlainCheck } from '../wire/plain-check.ts';
import type { Admitted } from './admission.ts';
import { Arriving } from './arriving.ts';
import type { Talk } from './talk.ts';

/** No file of WAL is larger: what claims to be is refused before it is received. */
const longestFile = 1024 ** 3;

const contentsOf = ({ size, sha256 }: Put): Contents => ({ sizeBytes: size, sha256 });

/** Fails early where the disk cannot hold the file: nothing has been sent yet. */
async function requireRoom(directory: string, sizeBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize >= sizeBytes) return;
  throw Object.assign(new Error('there is no room for the file'), { code: 'ENOSPC' });
}

/** Receives the bytes into a temporary file, in the form that they are to be kept in, and gives it its name. */
async function receive(
  put: Put,
  archive: WritableArchive,
  { directory, by }: Admitted,
  talk: Talk,
): Promise<PutOutcome> {
  // What its name says it was checked for by the sender, and it will be again before it is restored.
  const check = new PlainCheck(put.size);
  const arriving = await Arriving.begin(join(directory, put.name), by);
  const asItComes = put.encoding === put.store;
  let received = 0;
  const incoming = async function* (): AsyncGenerator<Buffer> {
    for await (const piece of talk.incoming) {
      talk.signal.throwIfAborted();
      received += piece.length;
      if (asItComes) await arriving.write(piece);
      yield piece;
    }
  };
  const keep = async (plain: AsyncIterable<Buffer>): Promise<void> => {
    for await (const piece of plain) {
      const written = asItComes ? undefined : arriving.write(piece);
      try {
        // Hashed here while another thread writes.
        check.add(piece);
      } finally {
        await written;
      }
    }
  };
  try {
    if (put.encoding === 'zstd') {
      const decoder = createZstdDecompress(decoding);
      await pipeline(incoming, decoder, keep);
      // It ends after one frame without a word; what follows that would be kept with it.
      if (decoder.bytesWritten !== received)
        throw new ProgramError('protocol', 'more came than one zstd frame');
    } else await keep(incoming());
    check.end(put.sha256);
    const temporary = await arriving.finish();
    const form = put.store === 'zstd' ? 'zstd' : 'plain';
    return await archive.putWritten(put.name, { temporary, form, ...contentsOf(put) }, talk.signal);
  } finally {
    await arriving.discard();
  }
}

/** What the archive already holds of it; undefined: the bytes are wanted. */
async function findStored(
  put: Put,
  { directory, by, archive }: Admitted,
  talk: Talk,
): Promise<PutOutcome | undefined> {
  const contents = contentsOf(put);
  const found = await findContents(join(directory, put.name), contents, by, talk.signal);
  if (typeof found !== 'object') return found;
  // Another promotion's partial segment: it may be here beside the first.
  if (!put.name.endsWith('.partial')) throw duplicateFault(put.name, archive.url, found);
  const version = join(directory, '.twowarm', 'versions', `${put.name}.${put.sha256}`);
  const kept = await findContents(version, contents, by, talk.signal);
  return kept === undefined ? undefined : 'stored-as-version';
}

async function storeOrCompare(put: Put, admitted: Admitted, talk: Talk): Promise<PutOutcome> {
  const { directory, writable } = admitted;
  if (put.store === 'zstd' && (put.encoding !== 'zstd' || formFor(put.name, 'zstd') !== 'zstd'))
    throw new ProgramError('protocol', `${put.name} cannot be kept compressed`);
  if (put.size > longestFile)
    throw new ProgramError('invalid-file', `will not store ${put.name}: it is too large`);
  await writable!.requireMayStore(put.name);
  const found = await findStored(put, admitted, talk);
  if (found !== undefined) {
    await writable!.settleFound(put.name, talk.signal);
    return found;
  }
  await requireRoom(directory, put.size);
  await talk.reply({ reply: 'go' });
  return receive(put, writable!, admitted, talk);
}

export async function store(put: Put, admitted: Admitted, talk: Talk): Promise<void> {
  const { url } = admitted.archive;
  try {
    await talk.reply({ reply: await storeOrCompare(put, admitted, talk) });
  } catch (error) {
    throw fromSystemError(error, `could not store ${put.name} at ${url}`, hintFor(error));
  }
}
