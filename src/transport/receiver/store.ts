// PUT: a file comes and gets its name, or the name is taken and its content is compared. Replies "go" when the bytes are
// wanted; the outcome is replied only once it is durable.
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createZstdDecompress } from 'node:zlib';
import { fromSystemError, ProgramError } from '../../program/program-error.ts';
import { ensureDirectory } from '../../program/small-file.ts';
import { duplicateFault, hintFor } from '../archive-faults.ts';
import { alreadyInspected, findContent, publishWritten, type Content, type Difference } from '../publish.ts';
import type { PutOutcome } from '../transport.ts';
import type { Put } from '../wire/messages.ts';
import type { Admitted } from './admission.ts';
import { PlainCheck } from '../wire/plain-check.ts';
import { Arriving } from './reception.ts';
import type { Talk } from './talk.ts';

/** No file of WAL is larger: what claims to be is refused before it is received. */
const longestFile = 1024 ** 3;

const contentOf = ({ size, sha256 }: Put): Content => ({ sizeBytes: size, sha256 });

/** The paths that may hold the file, with what a file under each means: a partial segment has more than one. */
function placesOf(
  { name, sha256 }: Put,
  directory: string,
): { path: string; outcome: PutOutcome | undefined }[] {
  const place = { path: join(directory, name), outcome: undefined };
  if (!name.endsWith('.partial')) return [place];
  const version = join(directory, '.twowarm', 'versions', `${name}.${sha256}`);
  return [place, { path: version, outcome: 'stored-as-version' }];
}

/** Fails early where the disk cannot hold the file: nothing has been sent yet. */
async function requireRoom(directory: string, sizeBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize >= sizeBytes) return;
  throw Object.assign(new Error('there is no room for the file'), { code: 'ENOSPC' });
}

/** Receives the bytes into a temporary file, has `publish` give it a name, and removes it. */
async function receive(
  put: Put,
  { directory, by }: Admitted,
  talk: Talk,
  publish: (temporary: string) => Promise<PutOutcome>,
): Promise<PutOutcome> {
  // What its name says it was checked for by the sender, and it will be again before it is restored.
  const check = new PlainCheck(put.size, alreadyInspected);
  const arriving = await Arriving.begin(join(directory, put.name), by);
  try {
    const keep = async (plain: AsyncIterable<Buffer>): Promise<void> => {
      for await (const piece of plain) {
        talk.signal.throwIfAborted();
        check.add(piece);
        await arriving.write(piece);
      }
    };
    if (put.encoding === 'zstd') await pipeline(talk.incoming, createZstdDecompress(), keep);
    else await keep(talk.incoming);
    check.end(put.sha256);
    return await publish(await arriving.finish());
  } finally {
    await arriving.discard();
  }
}

/** Tries the places in turn: the first that takes the file, or has it. Undefined: one is free, and `look` only looked. */
async function settle(
  put: Put,
  { archive, directory }: Admitted,
  look: (path: string) => Promise<'stored' | 'already-stored' | Difference | undefined>,
): Promise<PutOutcome | undefined> {
  let difference: Difference | undefined;
  for (const { path, outcome } of placesOf(put, directory)) {
    if (outcome !== undefined) ensureDirectory(join(directory, '.twowarm', 'versions'));
    const found = await look(path);
    if (typeof found !== 'object') return found === undefined ? undefined : (outcome ?? found);
    difference = found;
  }
  throw duplicateFault(put.name, archive.url, difference!);
}

async function storeOrCompare(put: Put, admitted: Admitted, talk: Talk): Promise<PutOutcome> {
  const { archive, directory } = admitted;
  const content = contentOf(put);
  if (put.size > longestFile)
    throw new ProgramError('invalid-file', `will not store ${put.name}: it is too large`);
  const found = await settle(put, admitted, (path) => findContent(path, content, talk.signal));
  if (found === undefined) {
    await requireRoom(directory, put.size);
    await talk.reply({ reply: 'go' });
  }
  const outcome =
    found ??
    (await receive(put, admitted, talk, async (temporary) => {
      const publish = (path: string) => publishWritten(path, temporary, content, talk.signal);
      return (await settle(put, admitted, publish))!;
    }));
  await archive.requireStillThere();
  return outcome;
}

export async function store(put: Put, admitted: Admitted, talk: Talk): Promise<void> {
  const { url } = admitted.archive;
  try {
    await talk.reply({ reply: await storeOrCompare(put, admitted, talk) });
  } catch (error) {
    throw fromSystemError(error, `could not store ${put.name} at ${url}`, hintFor(error));
  }
}
