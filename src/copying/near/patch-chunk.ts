// A chunk that came as pages to be replaced in what was there.
import { ProgramError } from '../../program/program-error.ts';
import { pageBytes, type PageRun } from '../sums/page.ts';
import type { Part } from './pages.ts';

/**
 * Puts the pages of `runs`, whose bytes are one after the other in `bytes`, into the chunk, and says which parts of it they
 * are. Throws `protocol` for runs that are not in order, do not lie within the chunk, or whose bytes are more or less.
 */
export function patchChunk(chunk: Buffer, runs: readonly PageRun[], bytes: Buffer, path: string): Part[] {
  const parts: Part[] = [];
  let [last, used] = [0, 0];
  for (const { page, pages } of runs) {
    const from = page * pageBytes;
    const to = Math.min(from + pages * pageBytes, chunk.length);
    if (!Number.isInteger(page) || !Number.isInteger(pages) || from < last || to <= from) throw refused(path);
    if (used + to - from > bytes.length) throw refused(path);
    bytes.copy(chunk, from, used, used + to - from);
    parts.push({ from, to });
    [last, used] = [to, used + to - from];
  }
  if (used !== bytes.length) throw refused(path);
  return parts;
}

const refused = (path: string): ProgramError =>
  new ProgramError('protocol', `cannot change file "${path}": the pages that came do not fit into it`);
