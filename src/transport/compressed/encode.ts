// Plaintext as one zstd frame, into a file or onto a network. The counterpart is decode.ts.
import { constants, createZstdCompress, type ZstdCompress } from 'node:zlib';
import { ProgramError } from '../../program/program-error.ts';
import { writeAll } from '../copy.ts';

/** What becomes of a frame: it stays on a disk, for any program to read, or is decoded at once by who knows the SHA-256. */
export type Purpose = 'keep' | 'send';

/**
 * Of the levels 1 to 3 the one whose segments are smallest; beside fsync and SHA-256 it costs a segment few milliseconds
 * more. For the way half the work will do, which is faster than most networks carry it, and no second checksum.
 */
const parameters: Record<Purpose, Record<number, number>> = {
  keep: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 },
  send: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 0 },
};

/** The compressor makes its output in pieces of this many bytes. */
const pieceBytes = 524_288;

/** Takes the frame's pieces in their order. */
export type Take = (piece: Buffer) => void | Promise<void>;

/** Into an open, empty file. */
export const intoFile =
  (descriptor: number): Take =>
  (piece) =>
    writeAll(descriptor, piece);

/** A frame with the size of its content, and a checksum if it is to be kept, as `zstd` makes it. One call at a time. */
export class Encoder {
  private readonly stream: ZstdCompress;
  private readonly take: Take;
  private readonly ended: Promise<void>;
  private readonly failed: Promise<never>;
  private pieces: Buffer[] = [];

  /** `sizeBytes`: exactly what will be added. */
  constructor(take: Take, sizeBytes: number, purpose: Purpose = 'keep') {
    this.take = take;
    const params = parameters[purpose];
    this.stream = createZstdCompress({ chunkSize: pieceBytes, pledgedSrcSize: sizeBytes, params });
    this.stream.on('data', (piece: Buffer) => this.pieces.push(piece));
    this.ended = new Promise((resolve) => this.stream.once('end', resolve));
    this.failed = new Promise((_, reject) => this.stream.once('error', (error) => reject(faultOf(error))));
    this.failed.catch(() => undefined);
  }

  /** The chunk may be used again when this has returned. */
  async add(chunk: Uint8Array): Promise<void> {
    const taken = new Promise<void>((resolve, reject) => {
      this.stream.write(chunk, (error) => (error ? reject(faultOf(error)) : resolve()));
    });
    // A write in which zstd fails is never answered: the stream is gone by then.
    await Promise.race([taken, this.failed]);
    await this.drain();
  }

  /** After the last chunk: all of the frame has been taken. */
  async end(): Promise<void> {
    this.stream.end();
    await Promise.race([this.ended, this.failed]);
    await this.drain();
  }

  /** Also after a fault: gives back the compressor's memory. */
  close(): void {
    this.stream.destroy();
  }

  private async drain(): Promise<void> {
    const pieces = this.pieces;
    this.pieces = [];
    for (const piece of pieces) await this.take(piece);
  }
}

function faultOf(error: Error & { code?: string }): Error {
  if (error.code !== 'ZSTD_error_srcSize_wrong') return error;
  return new ProgramError('source-missing', 'the file changed its size while it was read', { cause: error });
}
