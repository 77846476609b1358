// Compresses records: each is a zstd frame of its own. Large ones on other threads, by a few
// compressors that are used again and again; small ones at once, which takes less time than telling another thread of them.
import { constants, createZstdCompress, zstdCompressSync, type ZstdCompress } from 'node:zlib';
import { Pool } from '../../program/pool.ts';
import { ZstdAtOnce } from '../zstd-at-once.ts';

/** As many as libuv has threads: each finds its next chunk waiting when it has ended one. */
const most = 4;

const params = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 0 };

/** What is not larger is small. */
const smallBytes = 65_536;

/** What does not shrink becomes a little longer; and a piece of output has 64 bytes at least (Node.js). */
const spareBytes = 128;

/**
 * A piece of output, whose rest serves the next frames: as long as there is room for a chunk that does not shrink, zstd reads
 * the chunk where it is (ZSTD_compressStream2 with ZSTD_e_end).
 */
const pieceBytes = 2 * 1024 * 1024;

/** A record that shrinks by less is not worth its decoding. */
const worthwhile = 0.95;

/** After one that did not shrink, so many of the same file go as they are before it is tried again. */
const restAfterFailure = 15;

class Compressor {
  private readonly stream: ZstdCompress;
  private pieces: Buffer[] = [];

  constructor() {
    // Each write is a whole frame.
    this.stream = createZstdCompress({ chunkSize: pieceBytes, flush: constants.ZSTD_e_end, params });
    this.stream.on('data', (piece: Buffer) => this.pieces.push(piece));
    this.stream.on('error', () => undefined);
  }

  async compress(bytes: Buffer): Promise<Buffer[]> {
    await new Promise<void>((resolve, reject) => {
      this.stream.once('error', reject);
      this.stream.write(bytes, (error) => {
        this.stream.off('error', reject);
        if (error) reject(error);
        else resolve();
      });
    });
    const { pieces } = this;
    this.pieces = [];
    return pieces;
  }

  close(): void {
    this.stream.destroy();
  }
}

const atOnce = new ZstdAtOnce(() => createZstdCompress({ params }), constants.ZSTD_e_end);
const room = Buffer.allocUnsafeSlow(smallBytes + spareBytes);

/** At once; `bytes` are few. */
function compressSmall(bytes: Buffer): Buffer {
  const length = atOnce.run(bytes, room, bytes.length + spareBytes);
  if (length !== undefined) return Buffer.from(room.subarray(0, length));
  const chunkSize = bytes.length + spareBytes;
  return zstdCompressSync(bytes, { params, chunkSize, pledgedSrcSize: bytes.length });
}

/** Compressors that all files of a copy share. */
export class Compressors {
  private readonly all: Compressor[] = [];
  private readonly pool = new Pool(most, () => {
    const made = new Compressor();
    this.all.push(made);
    return made;
  });

  /** The bytes as a frame; undefined where that is hardly smaller. They may be used again then. */
  async compress(bytes: Buffer): Promise<Buffer | undefined> {
    const isSmall = bytes.length <= smallBytes;
    const pieces = isSmall
      ? [compressSmall(bytes)]
      : await this.pool.lend((compressor) => compressor.compress(bytes));
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (length >= bytes.length * worthwhile) return undefined;
    return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
  }

  close(): void {
    for (const each of this.all) each.close();
    atOnce.close();
  }
}

/** Whether compressing the next record of a file is worth trying, by what became of those before. */
export class Prospect {
  private restFor = 0;

  isGood(): boolean {
    if (this.restFor === 0) return true;
    this.restFor -= 1;
    return false;
  }

  failed(): void {
    this.restFor = restAfterFailure;
  }
}
