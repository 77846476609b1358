// Frames: how requests, replies and the bytes of several files share one connection to a receiver. A frame is 9 bytes
// (kind, id of the conversation, length, big-endian) and its payload. What messages mean is in messages.ts.
import { ProgramError } from '../../program/program-error.ts';

/** The first bytes of a receiver; whatever a login shell printed before them is not ours. */
export const preface = Buffer.from('\0twowarm receiver\n', 'latin1');

const headerBytes = 9;
const kinds = { message: 1, data: 2, end: 3 } as const;

/** A message is a few names and numbers; the bytes of a file come in pieces. */
const longestMessage = 65_536;
const longestData = 1_048_576;

const longestOf = new Map<number, number>([
  [kinds.message, longestMessage],
  [kinds.data, longestData],
  [kinds.end, 0],
]);

/** `data` may be a part of the frame that was sent: only their order counts. `end`: the last data of a conversation. */
export type Frame =
  | { kind: 'message'; id: number; text: string }
  | { kind: 'data'; id: number; bytes: Buffer }
  | { kind: 'end'; id: number };

function header(kind: number, id: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes);
  bytes.writeUInt8(kind, 0);
  bytes.writeUInt32BE(id, 1);
  bytes.writeUInt32BE(length, 5);
  return bytes;
}

export function messageFrame(id: number, message: object): Buffer {
  const payload = Buffer.from(JSON.stringify(message), 'utf8');
  if (payload.length > longestMessage) throw new Error(`a message of ${payload.length} bytes is too long`);
  return Buffer.concat([header(kinds.message, id, payload.length), payload]);
}

/** The frames for bytes of any length, to be written in this order. */
export function dataFrames(id: number, bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += longestData) {
    const piece = bytes.subarray(at, at + longestData);
    frames.push(header(kinds.data, id, piece.length), piece);
  }
  return frames;
}

/** The beginning of one frame of data: its header and `first`; `rest` is to be written after it. Together one frame's data at most. */
export function dataFrameOf(id: number, first: Buffer, rest: Buffer): Buffer {
  const length = first.length + rest.length;
  if (length > longestData) throw new Error(`a frame of ${length} bytes is too long`);
  return Buffer.concat([header(kinds.data, id, length), first]);
}

export const endFrame = (id: number): Buffer => header(kinds.end, id, 0);

/** What came is no frame; nothing after it can be understood. */
const broken = (reason: string): ProgramError =>
  new ProgramError('protocol', `the far side does not keep to the protocol: ${reason}`);

/** Takes frames out of a stream that may be cut anywhere. Throws `protocol` for what is none. */
export class FrameReader {
  private readonly header = Buffer.alloc(headerBytes);
  private headerLength = 0;
  private remaining = 0;
  private text: Buffer[] = [];

  /** True between two frames: only here may the stream end. */
  get isBetweenFrames(): boolean {
    return this.headerLength === 0;
  }

  *read(chunk: Buffer): Generator<Frame> {
    let at = 0;
    while (at < chunk.length || this.isWhole) {
      if (this.headerLength < headerBytes) {
        at += this.takeHeader(chunk.subarray(at));
        if (this.headerLength === headerBytes) this.begin();
        continue;
      }
      const piece = chunk.subarray(at, at + this.remaining);
      at += piece.length;
      this.remaining -= piece.length;
      const frame = this.take(piece);
      if (frame !== undefined) yield frame;
    }
  }

  /** A frame without a payload, or with all of it, that has not been given out. */
  private get isWhole(): boolean {
    return this.headerLength === headerBytes && this.remaining === 0;
  }

  private get id(): number {
    return this.header.readUInt32BE(1);
  }

  private takeHeader(bytes: Buffer): number {
    const copied = bytes.copy(this.header, this.headerLength);
    this.headerLength += copied;
    return copied;
  }

  private begin(): void {
    const kind = this.header.readUInt8(0);
    const length = this.header.readUInt32BE(5);
    const longest = longestOf.get(kind);
    if (longest === undefined) throw broken(`a frame of kind ${kind}`);
    if (length > longest) throw broken(`a frame of ${length} bytes`);
    this.remaining = length;
  }

  private take(piece: Buffer): Frame | undefined {
    const { id } = this;
    const kind = this.header.readUInt8(0);
    const isLast = this.remaining === 0;
    if (isLast) this.headerLength = 0;
    if (kind === kinds.data) return piece.length === 0 ? undefined : { kind: 'data', id, bytes: piece };
    if (kind === kinds.end) return { kind: 'end', id };
    // A copy: the chunk may be reused before the rest has come.
    this.text.push(Buffer.from(piece));
    if (!isLast) return undefined;
    const text = Buffer.concat(this.text).toString('utf8');
    this.text = [];
    return { kind: 'message', id, text };
  }
}
