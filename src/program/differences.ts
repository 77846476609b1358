// What is different between two texts, line by line. The one door to diff.
import { createTwoFilesPatch, FILE_HEADERS_ONLY, structuredPatch } from 'diff';

/** A unified diff with the names of both files, and three equal lines around each change; only the names where there is none. */
export const unifiedDiff = (from: string, to: string, before: string, after: string): string =>
  createTwoFilesPatch(from, to, before, after, undefined, undefined, {
    context: 3,
    headerOptions: FILE_HEADERS_ONLY,
  });

/** How many equal lines are shown around a change. */
const around = 2;

/**
 * The same without its frame: '-' is in the first text only, '+' in the second; '...' stands where equal lines are left out.
 * Empty: the texts are the same.
 */
export function differenceOf(before: string, after: string): string[] {
  const { hunks } = structuredPatch('', '', before, after, undefined, undefined, { context: around });
  const lines: string[] = [];
  let shown = 0;
  for (const { oldStart, oldLines, lines: changed } of hunks) {
    if (oldStart > shown + 1) lines.push('...');
    lines.push(...changed);
    shown = oldStart + oldLines - 1;
  }
  if (hunks.length > 0 && shown < before.trimEnd().split('\n').length) lines.push('...');
  return lines;
}
