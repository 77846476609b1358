// What a page of 8 kB comes down to: PostgreSQL's checksum of it, and a digest of 64 bits made of the same sums. The digest only
// finds out which pages need not travel; whether a file is right its proof says (proof.ts).
import { lanes, load, sums, sumUp } from './page-sums.ts';

/** A page as it is compared; also of a cluster whose own pages have another size. */
export const pageBytes = 8192;
export const digestBytes = 8;

/** `pages` of a chunk that follow each other, from number `page` of the chunk on, which is 0 for its first. */
export interface PageRun {
  page: number;
  pages: number;
}

/** FNV's, as PostgreSQL's checksum has it (checksum_impl.h). */
export const prime = 0x0100_0193;

/** Where the checksum stands in a page's header (PageHeaderData.pd_checksum). */
const checksumAt = 8;

/** The two rounds of zeros that end the checksum, and all lanes in one. */
function fold(): number {
  let folded = 0;
  for (let lane = 0; lane < lanes; lane++) {
    let value = sums[lane]!;
    value = Math.imul(value, prime) ^ (value >>> 17);
    folded ^= Math.imul(value, prime) ^ (value >>> 17);
  }
  return folded;
}

/** The other half of the digest: the lanes in their order. */
function chain(): number {
  let value = 0;
  for (let lane = 0; lane < lanes; lane++) {
    const mixed = value ^ sums[lane]!;
    value = Math.imul(mixed, prime) ^ (mixed >>> 15);
  }
  return value;
}

/** How many pages a chunk of this length has, the last perhaps a part of one. */
export const pagesIn = (length: number): number => Math.ceil(length / pageBytes);

/**
 * Writes the digests of the pages in the first `length` bytes, at most a chunk, into `into`, 8 bytes each; the last page may be a
 * part of one.
 */
export function digestPages(bytes: Buffer, length: number, into: Buffer): void {
  const loaded = load(bytes.subarray(0, length), pageBytes);
  for (let from = 0; from < length; from += pageBytes) {
    sumUp(from, pageBytes);
    const own = loaded.readUInt16LE(from + checksumAt);
    const at = (from / pageBytes) * digestBytes;
    into.writeInt32LE(chain() ^ Math.min(pageBytes, length - from), at);
    into.writeInt32LE(fold() ^ Math.imul(own + 1, prime), at + 4);
  }
}

/** As many as there are in a chunk of the smallest pages, 1 kB. */
const checksums = new Uint16Array(512);

/**
 * PostgreSQL's checksums of its pages (pg_checksum_page): of the whole ones of `size` bytes in the first `length` bytes, at most
 * a chunk, the first one being block `block` of its relation, counted over all its files. To be read before the next call.
 */
export function pageChecksums(bytes: Buffer, length: number, size: number, block: number): Uint16Array {
  load(bytes.subarray(0, length), size);
  const pages = Math.floor(length / size);
  for (let page = 0; page < pages; page++) {
    sumUp(page * size, size);
    checksums[page] = (((fold() ^ (block + page)) >>> 0) % 65535) + 1;
  }
  return checksums;
}
