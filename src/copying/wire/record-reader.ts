// Takes records out of a stream of bytes that may be cut anywhere.
import { chunkBytes } from '../target.ts';
import { headerBytes, invalid, readHeader, type RecordHeader } from './records.ts';

/** A payload is the reader's again when the next record is asked for. */
export interface ArrivedRecord {
  header: RecordHeader;
  payload: Buffer;
}

/** Reads all records of a conversation; throws `protocol` for what is none, and where the stream ends within one. */
export async function* recordsOf(pieces: AsyncIterable<Buffer>): AsyncGenerator<ArrivedRecord, void> {
  const header = Buffer.allocUnsafe(headerBytes);
  let store: Buffer = Buffer.alloc(0);
  let [headerLength, payloadLength] = [0, 0];
  let read: RecordHeader | undefined;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length || read?.payloadBytes === payloadLength;) {
      if (read === undefined) {
        const copied = piece.copy(header, headerLength, at);
        [at, headerLength] = [at + copied, headerLength + copied];
        if (headerLength < headerBytes) break;
        read = readHeader(header);
        store = roomFor(store, read.payloadBytes);
        continue;
      }
      const copied = piece.copy(store, payloadLength, at, at + read.payloadBytes - payloadLength);
      [at, payloadLength] = [at + copied, payloadLength + copied];
      if (payloadLength < read.payloadBytes) break;
      const record = { header: read, payload: store.subarray(0, payloadLength) };
      [read, headerLength, payloadLength] = [undefined, 0, 0];
      yield record;
    }
  }
  if (headerLength > 0) throw invalid('it ends within a record');
}

/** Small files need little; a large one fills whole chunks. The header was checked: no payload is larger than a chunk. */
function roomFor(store: Buffer, bytes: number): Buffer {
  if (bytes <= store.length) return store;
  return Buffer.allocUnsafeSlow(bytes <= chunkBytes / 8 ? chunkBytes / 8 : chunkBytes);
}
