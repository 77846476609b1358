// Small files of one directory that came as one: each is what its proof says before the first one is written.
import { proofOf } from '../proof.ts';
import type { PageDigests } from '../sums/page-digests.ts';
import type { WholeFile } from '../target.ts';
import { invalid } from '../wire/records.ts';
import { readSmallFiles, type ArrivedFiles } from '../wire/small-files.ts';
import type { Admitted } from './admitted.ts';
import { decompress, plainBuffers } from './decompressor.ts';

function plainOf({ encoding, payload, sizeBytes }: ArrivedFiles, buffer: Buffer): Buffer {
  if (encoding === 'zstd') return decompress(payload, sizeBytes, buffer);
  if (payload.length === sizeBytes) return payload;
  throw invalid(`${payload.length} bytes for files of ${sizeBytes}`);
}

/** Undefined where one is not what was sent. */
function proved(arrived: ArrivedFiles, buffer: Buffer, digests: PageDigests): WholeFile[] | undefined {
  const plain = plainOf(arrived, buffer);
  const files: WholeFile[] = [];
  let at = 0;
  for (const { name, mode, sizeBytes, proof } of arrived.files) {
    const bytes = plain.subarray(at, at + sizeBytes);
    if (proofOf(bytes, digests) !== proof) return undefined;
    files.push({ name, mode, bytes });
    at += sizeBytes;
  }
  return files;
}

/** All that came of such a conversation, into that directory. */
export async function receiveSeveral(
  { target, digests }: Admitted,
  directory: string,
  all: Buffer,
  signal: AbortSignal,
): Promise<'written' | 'other'> {
  return plainBuffers.lend(async (buffer) => {
    const files = proved(readSmallFiles(all), buffer, digests);
    return files === undefined ? 'other' : target.several(directory, files, signal);
  });
}
