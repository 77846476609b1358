// PostgreSQL's checksums of pages.
import { checksumsAt } from './layout.ts';
import { instanceOf, partOf, placeOf } from './memory.ts';
import { pageChecksums as text } from './page-checksums.wasm.ts';

interface Exports {
  checksums: (at: number, end: number, size: number, block: number, into: number) => void;
}

const { checksums } = instanceOf(text) as Exports;

/** As many as there are in a chunk of the smallest pages, 1 kB. */
const most = 512;
const { buffer, byteOffset } = partOf(checksumsAt, 4 * most);
const results = new Uint32Array(buffer, byteOffset, most);

/**
 * What pg_checksum_page makes of each whole page of `size` bytes, 1 to 32 kB, in the bytes, which are at most a chunk. `block`: the
 * number of the first one in its relation, counted over all its files. To be read before the next call.
 */
export function pageChecksums(bytes: Buffer, size: number, block: number): Uint32Array {
  const pages = Math.floor(bytes.length / size);
  const at = placeOf(bytes.subarray(0, pages * size), size);
  checksums(at, at + pages * size, size, block, checksumsAt);
  return results.subarray(0, pages);
}
