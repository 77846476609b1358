// Reading a far file: in pieces that every server gives at once, with many of them asked for ahead of who reads from the
// beginning on. Only for files that do not change, as all in an archive do not.
import type { SftpSession } from './session.ts';

/** Servers answer with less than they were asked for beyond this. */
const pieceBytes = 65_536;
/** How far ahead of the reader is asked, in pieces: 2 MB are all that ssh has on its way at a time. */
const aheadPieces = 32;

/** Memory that was used before, also for another file: it is faster than fresh one. */
const spare: Buffer[] = [];

type Read = (buffer: Buffer, position: number) => Promise<number>;

export class ReadAhead {
  private readonly pieces = new Map<number, Promise<Buffer>>();
  private readonly sizeBytes: number;
  private readonly read: Read;
  /** Where who reads in order would go on. */
  private next = 0;

  /** `sizeBytes`: of the file, as far as is known. */
  constructor(sizeBytes: number, read: Read) {
    this.sizeBytes = sizeBytes;
    this.read = read;
  }

  /** The number of bytes read, less than `length` only at the end of the file. */
  async into(buffer: Buffer, offset: number, length: number, position: number): Promise<number> {
    this.askAhead(position, length);
    let done = 0;
    while (done < length) {
      const at = position + done;
      const number = Math.floor(at / pieceBytes);
      const piece = await this.pieceAt(number);
      const from = Math.min(at - number * pieceBytes, piece.length);
      const copied = piece.copy(buffer, offset + done, from, from + length - done);
      done += copied;
      if (from + copied >= piece.length) this.giveBack(number, piece);
      if (copied === 0 || (piece.length < pieceBytes && done < length)) break;
    }
    this.next = position + done;
    return done;
  }

  private askAhead(position: number, length: number): void {
    const [first, count] = [Math.floor(position / pieceBytes), Math.ceil(this.sizeBytes / pieceBytes)];
    const wanted = Math.ceil((position + length) / pieceBytes);
    const far = position === this.next ? wanted + aheadPieces : wanted;
    const end = Math.max(first + 1, Math.min(far, count));
    for (let number = first; number < end; number++) this.pieceAt(number).catch(() => undefined);
  }

  private pieceAt(number: number): Promise<Buffer> {
    const known = this.pieces.get(number);
    if (known !== undefined) return known;
    const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(pieceBytes);
    const piece = this.fill(buffer, number * pieceBytes);
    this.pieces.set(number, piece);
    return piece;
  }

  /** A server may always give less than it was asked for; at the known end it is not asked once more. */
  private async fill(buffer: Buffer, position: number): Promise<Buffer> {
    let length = 0;
    while (length < buffer.length) {
      const got = await this.read(buffer.subarray(length), position + length);
      length += got;
      if (got === 0 || position + length === this.sizeBytes) break;
    }
    return buffer.subarray(0, length);
  }

  private giveBack(number: number, piece: Buffer): void {
    this.pieces.delete(number);
    if (piece.length === pieceBytes && spare.length < aheadPieces) spare.push(piece);
  }
}

/** Reads through the session. */
export const readerOf =
  (session: SftpSession, handle: Buffer): Read =>
  (buffer, position) =>
    session.ask<number>((client, done) =>
      client.read(handle, buffer, 0, buffer.length, position, (error, got) => done(error, got)),
    );
