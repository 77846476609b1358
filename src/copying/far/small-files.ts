// Small files of one directory into a target behind a receiver. Where something may be there they are offered first, with proofs
// of what they hold; those that it lacks follow as one.
import type { Conversation } from '../../transport/ssh/conversation.ts';
import { proofOf } from '../proof.ts';
import type { PageDigests } from '../sums/page-digests.ts';
import type { WholeFile } from '../target.ts';
import { invalid } from '../wire/records.ts';
import { smallFilesToBytes, type ListedFile } from '../wire/small-files.ts';
import type { Compressors } from './compressor.ts';

/** A file with its line of the list. */
export interface ProvedFile {
  bytes: Buffer;
  listed: ListedFile;
}

export const proved = ({ name, mode, bytes }: WholeFile, digests: PageDigests): ProvedFile => ({
  bytes,
  listed: { name, mode, sizeBytes: bytes.length, proof: proofOf(bytes, digests) },
});

/** Those that the target does not have as they are. */
export async function offer(
  files: readonly ProvedFile[],
  conversation: Conversation,
): Promise<readonly ProvedFile[]> {
  await conversation.sendLast(smallFilesToBytes(files.map(({ listed }) => listed)));
  const reply = await conversation.reply();
  reply.oneOf('reply', ['judged']);
  const kept = reply.text('kept');
  if (!/^[01]*$/.test(kept) || kept.length !== files.length) throw invalid('"kept" is no answer');
  return files.filter((_, index) => kept[index] === '0');
}

/** Where they follow each other in memory, as they were read, without a copy: one would be garbage for each call. */
function joined(parts: readonly Buffer[]): Buffer {
  const [first] = parts;
  let end = first?.byteOffset ?? 0;
  const areAdjacent = parts.every(({ buffer, byteOffset, length }) => {
    const follows = buffer === first!.buffer && byteOffset === end;
    end = byteOffset + length;
    return follows;
  });
  return first !== undefined && areAdjacent
    ? Buffer.from(first.buffer, first.byteOffset, end - first.byteOffset)
    : Buffer.concat(parts);
}

/** Sends them; 'other': what arrived is not what was sent, and nothing of it was written. */
export async function put(
  files: readonly ProvedFile[],
  compressors: Compressors,
  conversation: Conversation,
): Promise<'written' | 'other'> {
  const plain = joined(files.map(({ bytes }) => bytes));
  const frame = plain.length === 0 ? undefined : await compressors.compress(plain);
  const list = files.map(({ listed }) => listed);
  const message = smallFilesToBytes(list, frame === undefined ? 'none' : 'zstd', frame ?? plain);
  await conversation.send(message);
  await conversation.sent();
  return (await conversation.reply()).oneOf('reply', ['written', 'other'] as const);
}
