// Where in a chunk the pages belong that came for it, one after the other.
import { ProgramError } from '../../program/program-error.ts';
import { pageBytes, type PageRun } from '../sums/page.ts';
import type { Part } from './pages.ts';

/** A part of the bytes that came, and where it belongs in the chunk, in bytes. */
export interface PlacedPart extends Part {
  offset: number;
}

/**
 * The `cameBytes` of the runs in a chunk of `length` bytes. Throws `protocol` for runs that are not in order, do not lie within
 * the chunk, or whose bytes are more or less.
 */
export function placesOfRuns(
  runs: readonly PageRun[],
  length: number,
  cameBytes: number,
  path: string,
): PlacedPart[] {
  const parts: PlacedPart[] = [];
  let [last, used] = [0, 0];
  for (const { page, pages } of runs) {
    const offset = page * pageBytes;
    const end = Math.min(offset + pages * pageBytes, length);
    if (!Number.isInteger(page) || !Number.isInteger(pages) || offset < last || end <= offset)
      throw refused(path);
    parts.push({ from: used, to: used + end - offset, offset });
    [last, used] = [end, used + end - offset];
  }
  if (used !== cameBytes) throw refused(path);
  return parts;
}

const refused = (path: string): ProgramError =>
  new ProgramError('protocol', `cannot change file "${path}": the pages that came do not fit into it`);
