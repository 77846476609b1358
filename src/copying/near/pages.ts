// Which pages of a chunk are others than before: what is the same need not be written, and not be made durable, again.
import { pageBytes } from '../sums/page.ts';

/** A part of a chunk, in bytes. */
export interface Part {
  from: number;
  to: number;
}

/**
 * The parts of `now`, in whole pages, that are not what the first `oldLength` bytes of `old` hold at their place; without the
 * `spared` pages.
 */
export function differingParts(
  now: Buffer,
  old: Buffer,
  oldLength: number,
  spared: readonly number[] = [],
): Part[] {
  // One comparison of all is much faster than one a page, and most chunks of a copy are the same.
  if (now.length <= oldLength && now.compare(old, 0, now.length) === 0) return [];
  const parts: Part[] = [];
  for (let from = 0; from < now.length; from += pageBytes) {
    const to = Math.min(from + pageBytes, now.length);
    if (to <= oldLength && now.compare(old, from, to, from, to) === 0) continue;
    if (spared.includes(from / pageBytes)) continue;
    const last = parts.at(-1);
    if (last?.to === from) last.to = to;
    else parts.push({ from, to });
  }
  return parts;
}
