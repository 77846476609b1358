// The memory in which WebAssembly adds up pages: chunks that are read into it are summed where they are, others in a copy. In
// JavaScript the sums take many times as long.
import { chunkBytes } from '../target.ts';
import { pagesAt } from './layout.ts';

/** What of it is used here: no library of types has it but the one of browsers. */
interface WebAssembly {
  Memory: new (pages: { initial: number; maximum: number }) => { buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: object };
}

const { Memory, Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssembly }).WebAssembly;

/** A page of WebAssembly, in bytes. */
const unitBytes = 65_536;

/** Behind each chunk there is so much more, for who needs it: each begins on a page of the machine's memory. */
const mostSpareBytes = 4096;

/** Of the machine. */
const memoryPageBytes = 4096;

/** Of chunkBuffer(): as many as a copy of 16 files at once has at both its ends. Nobody has them before they are touched. */
const mostChunks = 80;

const units = Math.ceil((pagesAt + (1 + mostChunks) * (chunkBytes + mostSpareBytes)) / unitBytes);

// It never grows: its buffers would be gone.
const memory = new Memory({ initial: units, maximum: units });

/** What the module exports, which has that memory. */
export const instanceOf = (base64: string): object =>
  new Instance(new Module(Buffer.from(base64, 'base64')), { sums: { memory } }).exports;

/** A part of the memory. */
export const partOf = (at: number, bytes: number): Buffer => Buffer.from(memory.buffer, at, bytes);

const room = partOf(pagesAt, chunkBytes);

let made = 0;

/** A new buffer of a chunk, and at most 4096 bytes more, which is summed where it is; it is never freed. */
export function chunkBuffer(spareBytes = 0): Buffer {
  if (made === mostChunks) return Buffer.allocUnsafeSlow(chunkBytes + spareBytes);
  made += 1;
  return partOf(pagesAt + made * (chunkBytes + mostSpareBytes), chunkBytes + spareBytes);
}

/** Whether the bytes begin and end with pages of the machine's memory: so a disk can take them where they are. */
export const isOnPages = (bytes: Buffer): boolean =>
  bytes.buffer === memory.buffer &&
  bytes.byteOffset % memoryPageBytes === 0 &&
  bytes.length % memoryPageBytes === 0;

/**
 * Where the bytes, at most a chunk, are in the memory, until it is asked for others: in whole pages of that size, in which what
 * the last one lacks is zeros.
 */
export function placeOf(bytes: Buffer, pageSize: number): number {
  const lacking = (pageSize - (bytes.length % pageSize)) % pageSize;
  if (bytes.buffer === memory.buffer && lacking === 0) return bytes.byteOffset;
  room.set(bytes);
  room.fill(0, bytes.length, bytes.length + lacking);
  return pagesAt;
}
