// Decompresses records: each is a zstd frame of its own. What comes out is bounded by what the record says that it holds. At
// once, for a chunk takes less time than telling another thread of it, and into buffers that are used again and again: fresh
// memory for each would cost as much as the decoding.
import { constants, createZstdDecompress, zstdDecompressSync, type ZstdDecompress } from 'node:zlib';
import { Pool } from '../../program/pool.ts';
import { chunkBuffer } from '../sums/memory.ts';
import { invalid } from '../wire/records.ts';

/** A window of 1 MB: the frames of our records have less, and no sender decides how much memory decoding takes. */
const params = { [constants.ZSTD_d_windowLogMax]: 20 };

/** So much more than it holds that the end of a frame is seen without another buffer. */
const spareBytes = 64;

/** What a decoder of Node.js has behind its stream, where it is as we know it: no public call decodes into memory that is there. */
interface Handle {
  writeSync(
    flush: number,
    frame: Buffer,
    frameAt: number,
    frameLength: number,
    into: Buffer,
    intoAt: number,
    intoLength: number,
  ): void;
}

interface Inner {
  _handle?: Handle | null;
  /** What is left of the output, and of the input. */
  _writeState?: Uint32Array;
}

/** Goes through all frames; a new one after one that it did not understand. */
let decoder: ZstdDecompress | undefined;

function makeDecoder(): ZstdDecompress {
  const made = createZstdDecompress({ params });
  // Whoever asked hears of it from the call that follows.
  made.on('error', () => undefined);
  return made;
}

/** False where it was no frame of exactly so many bytes, or cannot be decoded in this way. */
function decodedInto(frame: Buffer, length: number, into: Buffer): boolean {
  decoder ??= makeDecoder();
  const { _handle: handle, _writeState: state } = decoder as Inner;
  if (typeof handle?.writeSync !== 'function' || state === undefined) return false;
  const room = length + spareBytes;
  handle.writeSync(constants.ZSTD_e_continue, frame, 0, frame.length, into, 0, room);
  if (!decoder.destroyed && state[0] === spareBytes && state[1] === 0) return true;
  decoder.destroy();
  decoder = undefined;
  return false;
}

/**
 * What a frame of so many bytes holds, mostly in the beginning of `into`, one of plainBuffers; `protocol` for one that holds more,
 * or less. Whether it is what was sent the proof says.
 */
export function decompress(frame: Buffer, length: number, into: Buffer): Buffer {
  if (decodedInto(frame, length, into)) return into.subarray(0, length);
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
