// The records that a file's bytes travel in, from the source to the target: one a chunk, with those of its pages that the
// target does not have, and one at the end. Each is a header of 24 bytes and a payload; what comes is checked here, before
// memory is set aside for it.
import { ProgramError } from '../../program/program-error.ts';
import { proofBytes } from '../proof.ts';
import { pageBytes, pagesIn } from '../sums/page.ts';
import { chunkBytes } from '../target.ts';

/** `none` or a zstd frame of its own. */
export type Encoding = 'none' | 'zstd';

/** A chunk: `pages` has a bit for each page that is in the payload, of the first page the lowest; the others are as they are there. */
export interface PagesHeader {
  kind: 'pages';
  /** Counted from 0 on. */
  chunk: number;
  /** Of the chunk, in bytes. */
  length: number;
  pages: bigint;
  encoding: Encoding;
  payloadBytes: number;
}

/** The end of the file, with its size and its proof (proof.ts) as payload. */
export interface EndHeader {
  kind: 'end';
  payloadBytes: number;
}

export type RecordHeader = PagesHeader | EndHeader;

export const headerBytes = 24;
const endPayloadBytes = 8 + proofBytes;

const kinds = { pages: 1, end: 2 } as const;
const encodings = { none: 0, zstd: 1 } as const;

/** By how many pages there are: made once, for each costs more than a page is compared in. */
const firstPages = Array.from({ length: pagesIn(chunkBytes) + 1 }, (_, count) => (1n << BigInt(count)) - 1n);

/** All pages of a chunk of this length. */
export const allPages = (length: number): bigint => firstPages[pagesIn(length)]!;

/** How many bytes of a chunk these pages are; the last one may be a part of one. */
export function bytesOfPages(pages: bigint, length: number): number {
  if (pages === allPages(length)) return length;
  let count = 0;
  for (let left = pages; left !== 0n; left &= left - 1n) count += 1;
  const last = pagesIn(length) - 1;
  const hasLast = ((pages >> BigInt(last)) & 1n) === 1n;
  return count * pageBytes - (hasLast ? (last + 1) * pageBytes - length : 0);
}

export function pagesRecord({
  chunk,
  length,
  pages,
  encoding,
  payloadBytes,
}: Omit<PagesHeader, 'kind'>): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt8(kinds.pages, 0);
  header.writeUInt8(encodings[encoding], 1);
  header.writeUInt32BE(chunk, 4);
  header.writeUInt32BE(length, 8);
  header.writeUInt32BE(payloadBytes, 12);
  header.writeBigUInt64BE(pages, 16);
  return header;
}

/** `proof`: 32 hexadecimal digits. */
export function endRecord(sizeBytes: number, proof: string): Buffer {
  const record = Buffer.alloc(headerBytes + endPayloadBytes);
  record.writeUInt8(kinds.end, 0);
  record.writeUInt32BE(endPayloadBytes, 12);
  record.writeBigUInt64BE(BigInt(sizeBytes), headerBytes);
  record.write(proof, headerBytes + 8, 'hex');
  return record;
}

/** Of the payload of an end. */
export function readEnd(payload: Buffer): { sizeBytes: number; proof: string } {
  const size = payload.readBigUInt64BE(0);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid(`a file of ${size} bytes`);
  return { sizeBytes: Number(size), proof: payload.toString('hex', 8, endPayloadBytes) };
}

export const invalid = (what: string): ProgramError =>
  new ProgramError('protocol', `the far side does not keep to the protocol: ${what}`);

/** Reads a header; `protocol` for one that claims what no record of ours has. */
export function readHeader(header: Buffer): RecordHeader {
  const kind = header.readUInt8(0);
  const payloadBytes = header.readUInt32BE(12);
  if (kind === kinds.pages) return readPagesHeader(header, payloadBytes);
  if (kind !== kinds.end) throw invalid(`a record of kind ${kind}`);
  if (payloadBytes !== endPayloadBytes) throw invalid(`a last record of ${payloadBytes} bytes`);
  return { kind: 'end', payloadBytes };
}

function readPagesHeader(header: Buffer, payloadBytes: number): PagesHeader {
  const length = header.readUInt32BE(8);
  const pages = header.readBigUInt64BE(16);
  const code = header.readUInt8(1);
  if (length === 0 || length > chunkBytes) throw invalid(`a chunk of ${length} bytes`);
  if ((pages & ~allPages(length)) !== 0n) throw invalid('pages past the end of their chunk');
  if (code !== encodings.none && code !== encodings.zstd) throw invalid(`an encoding of number ${code}`);
  const plainBytes = bytesOfPages(pages, length);
  const isRight = code === encodings.none ? payloadBytes === plainBytes : payloadBytes < plainBytes;
  if (!isRight) throw invalid(`${payloadBytes} bytes for pages of ${plainBytes}`);
  const encoding = code === encodings.zstd ? 'zstd' : 'none';
  return { kind: 'pages', chunk: header.readUInt32BE(4), length, pages, encoding, payloadBytes };
}
