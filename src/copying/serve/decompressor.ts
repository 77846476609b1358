// Decompresses records: each is a zstd frame of its own. What comes out is bounded by what the record says that it holds. At
// once, for a chunk takes less time than telling another thread of it, and into buffers that are used again and again: fresh
// memory for each would cost as much as the decoding.
import { constants, createZstdDecompress, zstdDecompressSync } from 'node:zlib';
import { Pool } from '../../program/pool.ts';
import { chunkBuffer } from '../sums/memory.ts';
import { invalid } from '../wire/records.ts';
import { ZstdAtOnce } from '../zstd-at-once.ts';

/** A window of 1 MB: the frames of our records have less, and no sender decides how much memory decoding takes. */
const params = { [constants.ZSTD_d_windowLogMax]: 20 };

/** So much more than it holds that the end of a frame is seen without another buffer. */
const spareBytes = 64;

const decoder = new ZstdAtOnce(() => createZstdDecompress({ params }), constants.ZSTD_e_continue);

/**
 * What a frame of so many bytes holds, mostly in the beginning of `into`, one of plainBuffers; `protocol` for one that holds more,
 * or less. Whether it is what was sent the proof says.
 */
export function decompress(frame: Buffer, length: number, into: Buffer): Buffer {
  if (decoder.run(frame, into, length + spareBytes) === length) return into.subarray(0, length);
  // It may be within a frame.
  decoder.close();
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

/** 4 MB: as much as is on its way to the disk of one file, and of another one. All files of a connection share them. */
export const plainBuffers = new Pool(8, () => chunkBuffer(spareBytes));
