// What is stored compressed, read: fetched whole and verified, or measured. Where a name is there in both forms, both must
// hold the same: which of two contents is right is nothing that a program may choose.
import { ProgramError } from '../../program/program-error.ts';
import { closeFile } from '../../program/system-calls.ts';
import { createFile, writeAll } from '../copy.ts';
import type { InspectOf } from '../transport.ts';
import { areSame, contentsOf, openForm, Tally, withForms, type Contents } from './contents.ts';
import { plaintextOf, type Stored } from './decode.ts';

/** As a road's get, for a file that is there in the compressed form, perhaps in both. */
export async function fetchStored(
  target: string,
  path: string,
  inspectOf: InspectOf,
  signal: AbortSignal,
): Promise<'fetched' | 'missing'> {
  signal.throwIfAborted();
  return withForms(target, async ([stored, other]) => {
    if (stored === undefined) return 'missing';
    const contents = await agreedContents(target, stored, other, signal);
    await write(stored, contents, path, inspectOf, signal);
    return 'fetched';
  });
}

/** What a stored file holds, and its other form, too, if there is one. */
export async function agreedContents(
  target: string,
  stored: Stored,
  other: Stored | undefined,
  signal: AbortSignal,
): Promise<Contents> {
  const contents = await contentsOf(target, stored, signal);
  if (other !== undefined) requireSame(stored, contents, await contentsOf(target, other, signal));
  return contents;
}

function requireSame(stored: Stored, contents: Contents, others: Contents): void {
  if (areSame(contents, others)) return;
  throw new ProgramError(
    'archive-duplicate',
    `${stored.path} is there with one content, ${stored.path}.zst with another`,
    {
      detail: `The plain file has ${contents.sizeBytes} bytes, the compressed one ${others.sizeBytes}.`,
      hint: 'Find out which one is right and move the other one away.',
    },
  );
}

async function write(
  stored: Stored,
  contents: Contents,
  path: string,
  inspectOf: InspectOf,
  signal: AbortSignal,
): Promise<void> {
  const inspect = inspectOf(contents.sizeBytes);
  const tally = new Tally();
  await createFile(path, async (descriptor) => {
    for await (const chunk of plaintextOf(stored, contents.sizeBytes, signal)) {
      inspect.add(chunk);
      const written = writeAll(descriptor, chunk);
      tally.add(chunk);
      await written;
    }
    if (!areSame(tally.end(), contents)) throw notOnRecord(stored);
    inspect.end();
  });
}

export const notOnRecord = ({ path }: Stored): ProgramError =>
  new ProgramError('invalid-file', `${path} does not hold the content that is on record of it`, {
    hint: `Nothing was restored from it. See what is wrong with it: zstd -t "${path}".`,
  });

/** The plaintext's size of a file that is there in the compressed form. */
export async function sizeOf(target: string, signal: AbortSignal): Promise<number | 'missing'> {
  return withForms(target, async ([stored]) =>
    stored === undefined ? 'missing' : (await contentsOf(target, stored, signal)).sizeBytes,
  );
}

/** The first bytes of a compressed file's plaintext; none of one that cannot be decoded, or is gone. */
export async function beginningOfCompressed(target: string): Promise<Uint8Array> {
  const stored = await openForm(target, 'zstd');
  if (stored === undefined) return new Uint8Array();
  try {
    for await (const chunk of plaintextOf(stored, Infinity, new AbortController().signal)) return chunk;
  } catch (error) {
    if (!(error instanceof ProgramError) || error.kind !== 'invalid-file') throw error;
  } finally {
    await closeFile(stored.descriptor);
  }
  return new Uint8Array();
}
