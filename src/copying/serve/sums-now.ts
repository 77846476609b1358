// What the sums of a chunk are once the pages that came have taken the places of what was there.
import { pagesIn } from '../sums/page.ts';
import { digestBytes, sumChunk, type ChunkSums } from '../sums/page-sums.ts';
import { invalid, allPages, type PagesHeader } from '../wire/records.ts';
import { runsOf } from '../wire/runs.ts';

/** `arrived`: the pages of the record, one after the other. `there`: of the chunk that was there, with CRCs. */
export function sumsNow(
  { pages, length }: PagesHeader,
  arrived: Buffer,
  there: ChunkSums | undefined,
): ChunkSums {
  if (pages === allPages(length)) return sumChunk(arrived);
  if (there?.crcs === undefined) throw invalid('pages that were not asked for are to be kept');
  const now = {
    length,
    digests: Buffer.alloc(pagesIn(length) * digestBytes),
    crcs: new Uint32Array(pagesIn(length)),
  };
  there.digests.copy(now.digests);
  now.crcs.set(there.crcs.subarray(0, now.crcs.length));
  if (pages === 0n) return now;
  const { digests, crcs } = sumChunk(arrived);
  let from = 0;
  for (const { page, pages: count } of runsOf(pages)) {
    digests.copy(now.digests, page * digestBytes, from * digestBytes, (from + count) * digestBytes);
    now.crcs.set(crcs!.subarray(from, from + count), page);
    from += count;
  }
  return now;
}
