// Small files of one directory that came as one: each is what its proof says before the first one is written.
import type { NearTarget } from '../near/near-target.ts';
import { Proving } from '../proof.ts';
import { sumChunk } from '../sums/page-sums.ts';
import type { WholeFile } from '../target.ts';
import { invalid } from '../wire/records.ts';
import { readSmallFiles, type ArrivedFiles } from '../wire/small-files.ts';
import { decompress, plainBuffers } from './decompressor.ts';

function plainOf({ encoding, payload, sizeBytes }: ArrivedFiles, buffer: Buffer): Buffer {
  if (encoding === 'zstd') return decompress(payload, sizeBytes, buffer);
  if (payload.length === sizeBytes) return payload;
  throw invalid(`${payload.length} bytes for files of ${sizeBytes}`);
}

/** Undefined where one is not what was sent. */
function proved(arrived: ArrivedFiles, buffer: Buffer): WholeFile[] | undefined {
  const plain = plainOf(arrived, buffer);
  const files: WholeFile[] = [];
  let at = 0;
  for (const { name, mode, sizeBytes, proof } of arrived.files) {
    const bytes = plain.subarray(at, at + sizeBytes);
    const sums = sumChunk(bytes, 'digests');
    const proving = new Proving(true);
    proving.add(sums);
    if (proving.result() !== proof) return undefined;
    files.push({ name, mode, bytes, sums });
    at += sizeBytes;
  }
  return files;
}

/** All that came of such a conversation, into that directory. */
export async function receiveSeveral(
  target: NearTarget,
  directory: string,
  all: Buffer,
  signal: AbortSignal,
): Promise<'written' | 'other'> {
  return plainBuffers.lend(async (buffer) => {
    const files = proved(readSmallFiles(all), buffer);
    return files === undefined ? 'other' : target.several(directory, files, signal);
  });
}
