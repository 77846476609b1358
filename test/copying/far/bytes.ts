// Bytes of files to copy: some that shrink on the way and some that do not, and changes of single pages.
import { patterned } from '../../transport/archives.ts';

export const page = 8192;

/** Pages that zstd makes little of, as those of a table. */
export function shrinking(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length, 32);
  for (let at = 0, count = seed; at + 8 <= length; at += 128, count += 1) bytes.writeUInt32LE(count, at);
  return bytes;
}

/** Bytes that zstd cannot shrink. */
export const dense = (length: number, seed: number): Buffer => {
  const bytes = patterned(length, seed);
  // The low bits of such a generator repeat: mixed, they do not.
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(mixed(bytes.readUInt32LE(at)), at);
  return bytes;
};

function mixed(word: number): number {
  let value = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/** The same with other bytes at the beginning of these pages. */
export function changed(bytes: Buffer, ...pages: number[]): Buffer {
  const copy = Buffer.from(bytes);
  for (const each of pages) copy.write(`changed ${each}`, each * page);
  return copy;
}
