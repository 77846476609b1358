// What a page of 8 kB comes down to: PostgreSQL's checksum of it and a digest of 64 bits, both from one pass, since both read
// every word. The digest only finds out which pages need not travel; whether a file is right, its SHA-256 says.

/** A page as it is compared; also of a cluster whose own pages have another size. */
export const pageBytes = 8192;
export const digestBytes = 8;

/** `pages` of a chunk that follow each other, from number `page` of the chunk on, which is 0 for its first. */
export interface PageRun {
  page: number;
  pages: number;
}

const lanes = 32;
const wordsInPage = pageBytes / 4;
const prime = 0x0100_0193;

/** The 32 starting values of checksumBaseOffsets (src/include/storage/checksum_impl.h). */
const beginnings = Int32Array.of(
  ...[0x5b1f36e9, 0xb8525960, 0x02ab50aa, 0x1de66d2a, 0x79ff467a, 0x9bb9f8a3, 0x217e7cd2, 0x83e13d2c],
  ...[0xf8d4474f, 0xe39eb970, 0x42c6ae16, 0x993216fa, 0x7b093b5d, 0x98daff3c, 0xf718902a, 0x0b1c9cdb],
  ...[0xe58f764b, 0x187636bc, 0x5d7b3bb1, 0xe73de7de, 0x92bec979, 0xcca6c0b2, 0x304a0979, 0x85aa43d4],
  ...[0x783125bb, 0x6ca8eaa2, 0xe407eac6, 0x4b5cfc3e, 0x9fbf8c76, 0x15ca20be, 0xf2ca9fd3, 0x959bd756],
);
const sums = new Int32Array(lanes);
const lastPage = Buffer.alloc(pageBytes);

/** Where the checksum stands in a page's header, in words: the lower half of the third one (PageHeaderData.pd_checksum). */
const checksumWord = 2;

/** The lanes' sums over words, with pd_checksum taken for zero. */
function sumUp(words: Int32Array, from: number, count: number): void {
  sums.set(beginnings);
  for (let row = from; row < from + count; row += lanes) {
    for (let lane = 0; lane < lanes; lane++) {
      let word = words[row + lane]!;
      if (row === from && lane === checksumWord) word &= ~0xffff;
      const mixed = sums[lane]! ^ word;
      sums[lane] = Math.imul(mixed, prime) ^ (mixed >>> 17);
    }
  }
}

/** The words of a buffer; those of one that does not begin at a word would be others. */
function wordsOf(bytes: Buffer): Int32Array {
  if (bytes.byteOffset % 4 !== 0) throw new Error('a page buffer has to begin at a whole word');
  return new Int32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4));
}

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
 * Writes the digests of the pages in the first `length` bytes into `into`, 8 bytes each; the last page may be a part of one.
 * `bytes` has to begin at a whole word (not of Buffer's pool).
 */
export function digestPages(bytes: Buffer, length: number, into: Buffer): void {
  const words = wordsOf(bytes);
  const whole = Math.floor(length / pageBytes);
  for (let page = 0; page < whole; page++) digestOne(words, page * wordsInPage, into, page, pageBytes);
  const rest = length - whole * pageBytes;
  if (rest === 0) return;
  lastPage.fill(0);
  bytes.copy(lastPage, 0, whole * pageBytes, length);
  digestOne(wordsOf(lastPage), 0, into, whole, rest);
}

function digestOne(words: Int32Array, from: number, into: Buffer, page: number, length: number): void {
  sumUp(words, from, wordsInPage);
  const own = words[from + checksumWord]! & 0xffff;
  into.writeInt32LE(chain() ^ length, page * digestBytes);
  into.writeInt32LE(fold() ^ Math.imul(own + 1, prime), page * digestBytes + 4);
}

/**
 * PostgreSQL's checksum of one of its pages (pg_checksum_page): of the `size` bytes at `from`, as block `block` of its relation,
 * counted over all its files.
 */
export function pageChecksum(bytes: Buffer, from: number, size: number, block: number): number {
  sumUp(wordsOf(bytes), from / 4, size / 4);
  return (((fold() ^ block) >>> 0) % 65535) + 1;
}
