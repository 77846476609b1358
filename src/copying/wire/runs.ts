// The pages of a chunk as the wire has them, a bit each, and as runs of pages that follow each other.
import { pageBytes, pagesIn, type PageRun } from '../sums/page.ts';
import { digestBytes } from '../sums/page-digests.ts';

/** The runs of the pages whose bits are set. */
export function runsOf(pages: bigint): PageRun[] {
  const runs: PageRun[] = [];
  for (let page = 0, left = pages; left !== 0n; page += 1, left >>= 1n) {
    if ((left & 1n) === 0n) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.page + last.pages === page) last.pages += 1;
    else runs.push({ page, pages: 1 });
  }
  return runs;
}

/** The bits of the pages of a chunk of `length` bytes whose digests are not those that the target has. */
export function differing(own: Buffer, there: Buffer, length: number): bigint {
  const bytes = pagesIn(length) * digestBytes;
  if (there.length >= bytes && own.compare(there, 0, bytes, 0, bytes) === 0) return 0n;
  let pages = 0n;
  for (let at = 0; at < bytes; at += digestBytes) {
    const end = at + digestBytes;
    const isSame = end <= there.length && own.compare(there, at, end, at, end) === 0;
    if (!isSame) pages |= 1n << BigInt(at / digestBytes);
  }
  return pages;
}

/** Puts the pages of the bits one after the other at the beginning of `into`; how many bytes they are. */
export function gatherPages(chunk: Buffer, pages: bigint, into: Buffer): number {
  let length = 0;
  for (const { page, pages: count } of runsOf(pages))
    length += chunk.copy(into, length, page * pageBytes, (page + count) * pageBytes);
  return length;
}
