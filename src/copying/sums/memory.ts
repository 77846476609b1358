// The memory in which WebAssembly adds up the pages of a chunk: page-sums.wat and crc32c-fold.wasm.ts, on a copy of the pages. In
// JavaScript the same takes many times as long.
import { chunkBytes } from '../target.ts';
import { crc32cFold } from './crc32c-fold.wasm.ts';
import { blockBytes, pagesAt, stateAt } from './layout.ts';
import { pageSums } from './page-sums.wasm.ts';

/** What of it is used here: no library of types has it but the one of browsers. */
interface WebAssembly {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports?: object) => { exports: object };
}

interface PageSums {
  memory: { buffer: ArrayBuffer };
  sum: (at: number, bytes: number) => void;
}

interface Crc32cFold {
  fold: (at: number, end: number) => void;
}

const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssembly }).WebAssembly;

const instanceOf = (base64: string, imports?: object): object =>
  new Instance(new Module(Buffer.from(base64, 'base64')), imports).exports;

export const lanes = 32;

const { memory, sum } = instanceOf(pageSums) as PageSums;
const { fold } = instanceOf(crc32cFold, { pages: { memory } }) as Crc32cFold;

/** What sumUp() has come to, a lane each, until it is called again. */
export const sums = new Int32Array(memory.buffer, 0, lanes);

/** What foldUp() has come to: 128 bytes that have the CRC, begun with zero, of all that went in. */
export const folded = Buffer.from(memory.buffer, stateAt, blockBytes);

const room = Buffer.from(memory.buffer, pagesAt, chunkBytes);

/** Takes a copy of the bytes, at most a chunk, until it is called again; what is missing of the last page is zeros. */
export function load(bytes: Buffer, pageSize: number): Buffer {
  room.set(bytes);
  room.fill(0, bytes.length, Math.ceil(bytes.length / pageSize) * pageSize);
  return room;
}

/** The lanes' sums over `size` bytes at `from` of what was loaded, with pd_checksum taken for zero. */
export const sumUp = (from: number, size: number): void => sum(pagesAt + from, size);

/** Folds `size` bytes at `from` of what was loaded, a whole number of blocks. */
export function foldUp(from: number, size: number): void {
  folded.fill(0);
  fold(pagesAt + from, pagesAt + from + size);
}
