// Decompresses records: each is a zstd frame of its own. What comes out is bounded by what the record says that it holds. At
// once, for a chunk takes less time than telling another thread of it.
import { constants, zstdDecompressSync } from 'node:zlib';
import { invalid } from '../wire/records.ts';

/** A window of 1 MB: the frames of our records have less, and no sender decides how much memory decoding takes. */
const params = { [constants.ZSTD_d_windowLogMax]: 20 };

/** So much more than it holds that the end of a frame is seen without another buffer. */
const spareBytes = 64;

/** One frame of exactly so many bytes; `protocol` for any other. What follows it is nothing. */
export function decompress(frame: Buffer, length: number): Buffer {
  const plain = decoded(frame, length);
  if (plain.length !== length) throw invalid(`a frame of ${plain.length} bytes for ${length}`);
  return plain;
}

function decoded(frame: Buffer, length: number): Buffer {
  try {
    return zstdDecompressSync(frame, { params, chunkSize: length + spareBytes, maxOutputLength: length });
  } catch (error) {
    throw invalid(`what came is no zstd frame of ${length} bytes: ${(error as Error).message}`);
  }
}
