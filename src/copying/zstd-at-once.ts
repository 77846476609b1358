// A zstd codec that works at once, frame after frame, into memory that is there: no public call of Node.js does, and those that
// work at once make a codec, and memory for what comes out, for each frame. It goes through what is behind a stream of Node.js; where
// that is not as we know it, whoever asked takes the public call.
import type { ZstdCompress, ZstdDecompress } from 'node:zlib';

interface Handle {
  writeSync(
    flush: number,
    bytes: Buffer,
    at: number,
    length: number,
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

export class ZstdAtOnce {
  private readonly make: () => ZstdCompress | ZstdDecompress;
  private readonly flush: number;
  /** Goes through all frames; a new one after one that it did not understand. */
  private codec: ZstdCompress | ZstdDecompress | undefined;

  constructor(make: () => ZstdCompress | ZstdDecompress, flush: number) {
    this.make = make;
    this.flush = flush;
  }

  /** How much of the first `room` bytes of `into` it has filled with all that came of `bytes`; undefined where it cannot tell. */
  run(bytes: Buffer, into: Buffer, room: number): number | undefined {
    this.codec ??= this.made();
    const { _handle: handle, _writeState: state } = this.codec as Inner;
    if (typeof handle?.writeSync !== 'function' || state === undefined) return undefined;
    handle.writeSync(this.flush, bytes, 0, bytes.length, into, 0, room);
    const [left, unread] = state;
    // With the last byte of the room there may be more.
    if (!this.codec.destroyed && left! > 0 && unread === 0) return room - left!;
    this.close();
    return undefined;
  }

  close(): void {
    this.codec?.destroy();
    this.codec = undefined;
  }

  private made(): ZstdCompress | ZstdDecompress {
    const made = this.make();
    // Whoever asked hears of it from the public call.
    made.on('error', () => undefined);
    return made;
  }
}
