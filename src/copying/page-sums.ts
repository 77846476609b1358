// The sums over the words of pages, four lanes at once: page-sums.wat, on a copy of the pages in memory of its own. In
// JavaScript the same takes several times as long.
import { pageSums } from './page-sums.wasm.ts';
import { chunkBytes } from './target.ts';

/** What of it is used here: no library of types has it but the one of browsers. */
interface WebAssembly {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: Exports };
}

interface Exports {
  memory: { buffer: ArrayBuffer };
  sum: (at: number, bytes: number) => void;
}

export const lanes = 32;

/** Where the pages are in its memory, which has room for a chunk of them. */
const pagesAt = 1024;

const { Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssembly }).WebAssembly;
const { memory, sum } = new Instance(new Module(Buffer.from(pageSums, 'base64'))).exports;

/** What sumUp() has come to, a lane each, until it is called again. */
export const sums = new Int32Array(memory.buffer, 0, lanes);

const room = Buffer.from(memory.buffer, pagesAt, chunkBytes);

/** Takes a copy of the bytes, at most a chunk, until it is called again; what is missing of the last page is zeros. */
export function load(bytes: Buffer, pageSize: number): Buffer {
  room.set(bytes);
  room.fill(0, bytes.length, Math.ceil(bytes.length / pageSize) * pageSize);
  return room;
}

/** The lanes' sums over `size` bytes at `from` of what was loaded, with pd_checksum taken for zero. */
export const sumUp = (from: number, size: number): void => sum(pagesAt + from, size);
