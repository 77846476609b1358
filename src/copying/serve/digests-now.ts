// What the digests of a chunk are once the pages that came have taken the places of what was there.
import { pagesIn } from '../sums/page.ts';
import { digestBytes, type PageDigests } from '../sums/page-digests.ts';
import { allPages, invalid, type PagesHeader } from '../wire/records.ts';
import { runsOf } from '../wire/runs.ts';

/** `arrived`: the pages of the record, one after the other. `there`: of the chunk that was there. */
export function digestsNow(
  { pages, length }: PagesHeader,
  arrived: Buffer,
  there: Buffer | undefined,
  digests: PageDigests,
): Buffer {
  if (pages === allPages(length)) return digests.of(arrived);
  if (there === undefined) throw invalid('pages that were not asked for are to be kept');
  const now = Buffer.alloc(pagesIn(length) * digestBytes);
  there.copy(now);
  const came = pages === 0n ? Buffer.alloc(0) : digests.of(arrived);
  let from = 0;
  for (const { page, pages: count } of runsOf(pages)) {
    came.copy(now, page * digestBytes, from * digestBytes, (from + count) * digestBytes);
    from += count;
  }
  return now;
}
