// What a page of 8 kB comes down to: PostgreSQL's checksum of it, a digest of 64 bits made of the same sums, and a CRC-32C. The
// digest finds out which pages need not travel; whether a file is right its proof says (proof.ts), which has both.
import { bareCrc } from './crc32c.ts';
import { lanes, load, sums, sumUp } from './memory.ts';
import { pageBytes, pagesIn } from './page.ts';

export const digestBytes = 8;

/** Of a chunk. */
export interface ChunkSums {
  /** Bytes; the last page may be a part of one. */
  length: number;
  /** The digests of its pages, 8 bytes each. */
  digests: Buffer;
  /** The bare CRCs of its pages (crc32c.ts); undefined where nobody wanted them. */
  crcs: Uint32Array | undefined;
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

/** What of a page stands in the place of its checksum, as a digest has it. */
const ownPart = (own: number): number => Math.imul(own + 1, prime);

/** The sums of the bytes, at most a chunk; without their CRCs where only the digests are wanted. */
export function sumChunk(bytes: Buffer, wanted: 'all' | 'digests' = 'all'): ChunkSums {
  const { length } = bytes;
  const loaded = load(bytes, pageBytes);
  const digests = Buffer.allocUnsafe(pagesIn(length) * digestBytes);
  const crcs = wanted === 'all' ? new Uint32Array(pagesIn(length)) : undefined;
  for (let from = 0, page = 0; from < length; from += pageBytes, page += 1) {
    sumUp(from, pageBytes);
    const pageLength = Math.min(pageBytes, length - from);
    const own = loaded.readUInt16LE(from + checksumAt);
    digests.writeInt32LE(chain() ^ pageLength, page * digestBytes);
    digests.writeInt32LE(fold() ^ ownPart(own), page * digestBytes + 4);
    if (crcs !== undefined) crcs[page] = bareCrc(loaded, from, pageLength);
  }
  return { length, digests, crcs };
}

const checksumFrom = (folded: number, block: number): number => (((folded ^ block) >>> 0) % 65535) + 1;

/**
 * PostgreSQL's checksum of page number `page` of a chunk (pg_checksum_page), where its pages have 8 kB, out of its digest.
 * `own`: the checksum that stands in it; `block`: the number of the page in its relation, counted over all its files.
 */
export const checksumOf = ({ digests }: ChunkSums, page: number, own: number, block: number): number =>
  checksumFrom(digests.readInt32LE(page * digestBytes + 4) ^ ownPart(own), block);

/** As many as there are in a chunk of the smallest pages, 1 kB. */
const checksums = new Uint16Array(512);

/**
 * The same for pages of any size: of the whole ones of `size` bytes in the first `length` bytes, at most a chunk, the first one
 * being block `block`. To be read before the next call.
 */
export function pageChecksums(bytes: Buffer, length: number, size: number, block: number): Uint16Array {
  load(bytes.subarray(0, length), size);
  const pages = Math.floor(length / size);
  for (let page = 0; page < pages; page++) {
    sumUp(page * size, size);
    checksums[page] = checksumFrom(fold(), block + page);
  }
  return checksums;
}
