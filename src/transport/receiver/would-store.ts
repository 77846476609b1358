// WOULD-PUT: what a PUT of this file would come to, for a dry run. Nothing is written, and no more is told than a PUT tells:
// any key may ask.
import { join } from 'node:path';
import { duplicateFault } from '../archive-faults.ts';
import { lookForContents } from '../compressed/find-contents.ts';
import { requireOwner } from '../fenced.ts';
import type { PutOutcome } from '../transport.ts';
import { requireAdoptable, requireStorable } from '../would-be-writable.ts';
import type { Put } from '../wire/messages.ts';
import type { Admitted } from './admission.ts';
import type { Talk } from './talk.ts';

async function outcomeOf(
  { name, size: sizeBytes, sha256 }: Put,
  { directory, archive }: Admitted,
  { signal }: Talk,
): Promise<PutOutcome> {
  const found = await lookForContents(join(directory, name), { sizeBytes, sha256 }, signal);
  if (found === undefined) return 'stored';
  if (found === 'already-stored') return found;
  if (!name.endsWith('.partial')) throw duplicateFault(name, archive.url, found);
  return 'stored-as-version';
}

export async function wouldStore(put: Put, admitted: Admitted, talk: Talk): Promise<void> {
  const { directory, archive } = admitted;
  requireOwner(await archive.ownership(talk.signal), `store ${put.name}`, archive.url);
  await requireAdoptable(directory);
  const outcome = await outcomeOf(put, admitted, talk);
  await requireStorable(directory, put.name, archive.url, outcome);
  await talk.reply({ reply: outcome });
}
