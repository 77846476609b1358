// Small files of one directory into a target behind a receiver. Where something may be there they are offered first, with proofs
// of what they hold; those that it lacks follow as one.
import type { Conversation } from '../../transport/ssh/conversation.ts';
import { Proving } from '../proof.ts';
import type { WholeFile } from '../target.ts';
import { invalid } from '../wire/records.ts';
import { smallFilesToBytes, type ListedFile } from '../wire/small-files.ts';
import type { Compressors } from './compressor.ts';

function listed({ name, mode, bytes, sums }: WholeFile, whole: boolean): ListedFile {
  const proving = new Proving(whole);
  proving.add(sums);
  return { name, mode, sizeBytes: bytes.length, proof: proving.result() };
}

/** Those that the target does not have as they are. */
export async function offer(
  files: readonly WholeFile[],
  conversation: Conversation,
): Promise<readonly WholeFile[]> {
  await conversation.sendLast(smallFilesToBytes(files.map((file) => listed(file, false))));
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
  files: readonly WholeFile[],
  compressors: Compressors,
  conversation: Conversation,
): Promise<'written' | 'other'> {
  const plain = joined(files.map(({ bytes }) => bytes));
  const frame = plain.length === 0 ? undefined : await compressors.compress(plain);
  const list = files.map((file) => listed(file, true));
  const message = smallFilesToBytes(list, frame === undefined ? 'none' : 'zstd', frame ?? plain);
  await conversation.send(message);
  await conversation.sent();
  return (await conversation.reply()).oneOf('reply', ['written', 'other'] as const);
}
