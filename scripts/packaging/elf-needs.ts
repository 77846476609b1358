// What a program for Linux needs of the system's libraries, read from its ELF headers (64 bit, little endian): also of a
// program for another kind of machine, which no tool of this one has to understand.
import { closeSync, openSync, readSync } from 'node:fs';

const versionNeeds = 0x6ffffffe;
const dynamic = 6;

interface Section {
  type: number;
  bytes: Buffer;
  /** Its names. */
  strings: Buffer;
}

function readAt(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  if (readSync(fd, bytes, 0, length, offset) !== length) throw new Error('the ELF file is cut short');
  return bytes;
}

/** The sections of the types asked for. */
function sectionsOf(fd: number, types: readonly number[]): Section[] {
  const head = readAt(fd, 0, 64);
  if (head.toString('latin1', 0, 4) !== '\x7fELF' || head[4] !== 2 || head[5] !== 1)
    throw new Error('not a 64-bit little-endian ELF file');
  const [size, count] = [head.readUInt16LE(0x3a), head.readUInt16LE(0x3c)];
  const table = readAt(fd, Number(head.readBigUInt64LE(0x28)), size * count);
  const content = (index: number): Buffer => {
    const at = index * size;
    return readAt(fd, Number(table.readBigUInt64LE(at + 0x18)), Number(table.readBigUInt64LE(at + 0x20)));
  };
  return Array.from({ length: count }, (_, index) => index)
    .filter((index) => types.includes(table.readUInt32LE(index * size + 4)))
    .map((index) => ({
      type: table.readUInt32LE(index * size + 4),
      bytes: content(index),
      strings: content(table.readUInt32LE(index * size + 0x28)),
    }));
}

const nameAt = (strings: Buffer, offset: number): string =>
  strings.toString('latin1', offset, strings.indexOf(0, offset));

/** DT_NEEDED */
function libraries({ bytes, strings }: Section): string[] {
  const found: string[] = [];
  for (let at = 0; at + 16 <= bytes.length; at += 16)
    if (bytes.readBigUInt64LE(at) === 1n) found.push(nameAt(strings, Number(bytes.readBigUInt64LE(at + 8))));
  return found;
}

/** Elf64_Verneed, each with its Elf64_Vernaux. */
function addVersions({ bytes, strings }: Section, needs: Map<string, string[]>): void {
  for (let at = 0; ; at += bytes.readUInt32LE(at + 12)) {
    const versions = needs.get(nameAt(strings, bytes.readUInt32LE(at + 4))) ?? [];
    let aux = at + bytes.readUInt32LE(at + 8);
    for (let left = bytes.readUInt16LE(at + 2); left > 0; left--) {
      versions.push(nameAt(strings, bytes.readUInt32LE(aux + 8)));
      aux += bytes.readUInt32LE(aux + 12);
    }
    if (bytes.readUInt32LE(at + 12) === 0) return;
  }
}

/** Every library with the versions of symbols that are wanted of it: 'libc.so.6' → ['GLIBC_2.28', …]. */
export function elfNeeds(path: string): ReadonlyMap<string, readonly string[]> {
  const fd = openSync(path, 'r');
  try {
    const sections = sectionsOf(fd, [dynamic, versionNeeds]);
    const named = sections.filter(({ type }) => type === dynamic).flatMap(libraries);
    const needs = new Map(named.map((library): [string, string[]] => [library, []]));
    for (const each of sections.filter(({ type }) => type === versionNeeds)) addVersions(each, needs);
    return needs;
  } finally {
    closeSync(fd);
  }
}
