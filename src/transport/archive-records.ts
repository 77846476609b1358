// What a reader asks and tells an archive beyond its files, on the file: road: whether a segment was pruned, and what the
// reader still needs. Most calls have nothing to ask or tell: the rest loads when they do.
import { join } from 'node:path';
import { fromSystemError } from '../program/program-error.ts';
import { stat, unlessMissing } from '../program/system-calls.ts';
import type { Need } from './consumer-record.ts';
import type { Registration } from './consumers.ts';
import type { PrunedRange } from './pruned-ranges.ts';

/** The range that a segment was pruned with; undefined for one that was not. */
export async function prunedAt(
  directory: string,
  name: string,
  nodeId: string,
): Promise<PrunedRange | undefined> {
  const path = join(directory, '.twowarm', 'pruned');
  const found = await unlessMissing(stat(path)).catch((error: unknown) => {
    throw fromSystemError(error, `could not look into ${path}`);
  });
  if (found === undefined) return undefined;
  const { prunedRangeOf } = await import('./pruned.ts');
  return prunedRangeOf(directory, name, nodeId);
}

/** Puts on record what a reader needs. */
export async function registerAt(directory: string, need: Need): Promise<Registration> {
  const { registerConsumer } = await import('./consumers.ts');
  return registerConsumer(directory, need).catch((error: unknown) => {
    throw fromSystemError(error, `could not write into ${join(directory, '.twowarm', 'consumers')}`);
  });
}
