// Decompresses records on other threads: each is a zstd frame of its own, and a decompressor is used for one after the other.
// What comes out is bounded by what the record says that it holds.
import { constants, createZstdDecompress, type ZstdDecompress } from 'node:zlib';
import { chunkBytes } from '../target.ts';
import { invalid } from '../wire/records.ts';

/** A window of 1 MB: the frames of our records have less, and no sender decides how much memory decoding takes. */
const params = { [constants.ZSTD_d_windowLogMax]: 20 };

class Decompressor {
  private readonly stream: ZstdDecompress;
  private pieces: Buffer[] = [];
  private producedBytes = 0;
  private limitBytes = 0;
  private fault: Error | undefined;
  private wake: (() => void) | undefined;

  constructor() {
    // A whole chunk comes out as one buffer of its own, which need not be copied.
    this.stream = createZstdDecompress({ chunkSize: chunkBytes, params });
    this.stream.on('data', (piece: Buffer) => this.take(piece));
    this.stream.on('error', (error) => this.fail(error));
    this.stream.on('end', () => this.fail(new Error('there is more than one frame')));
  }

  get isBroken(): boolean {
    return this.fault !== undefined;
  }

  /** One frame of exactly so many bytes. */
  async decompress(frame: Buffer, length: number): Promise<Buffer> {
    [this.pieces, this.producedBytes, this.limitBytes] = [[], 0, length];
    await new Promise<void>((resolve) => {
      this.wake = resolve;
      this.stream.write(frame, () => resolve());
    });
    if (this.fault !== undefined) throw invalid(`what came is no zstd frame of it: ${this.fault.message}`);
    if (this.producedBytes !== length) {
      this.fail(new Error('it holds less'));
      throw invalid(`a frame of ${this.producedBytes} bytes for ${length}`);
    }
    const { pieces } = this;
    this.pieces = [];
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  /** It cannot be used again. */
  close(): void {
    this.stream.destroy();
  }

  private take(piece: Buffer): void {
    this.producedBytes += piece.length;
    if (this.producedBytes > this.limitBytes) this.fail(new Error('it holds more'));
    else this.pieces.push(piece);
  }

  private fail(error: Error): void {
    this.fault ??= error;
    this.pieces = [];
    this.stream.destroy();
    this.wake?.();
  }
}

/** Of whole chunks and of shorter ones: a buffer that a shorter one has begun would cut a whole one in two. */
const free = { whole: [] as Decompressor[], part: [] as Decompressor[] };

/** One frame of exactly so many bytes; `protocol` for any other. The frame is in use until then. */
export async function decompress(frame: Buffer, length: number): Promise<Buffer> {
  const unused = length === chunkBytes ? free.whole : free.part;
  const one = unused.pop() ?? new Decompressor();
  try {
    return await one.decompress(frame, length);
  } finally {
    if (one.isBroken) one.close();
    else unused.push(one);
  }
}
