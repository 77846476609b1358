// Pruning by restore_command: after a segment was delivered, what lies before %r leaves the sources, a little with each
// call. The file has been delivered by then: whatever goes wrong here is a warning.
import type { ThisNode } from '../../postgres/this-node.ts';
import { bounded } from '../../program/bounded.ts';
import type { Voice } from '../../program/command.ts';
import { describeError } from '../../program/print-error.ts';
import { directoriesAmong } from '../../transport/open.ts';
import { openForRemoval } from '../../transport/open-for-removal.ts';
import { warnOfHolders } from '../consumers/warn-of-holders.ts';
import { prunedFields, pruneArchive, type Bound, type PrunePlan, type Pruned } from './prune-archive.ts';
import { readRestartPoint } from './prunable.ts';
import { planBefore } from './prune-plan.ts';

/** A call makes room for far more than the one segment that it brought. */
const perCall: Bound = { segments: 64, ms: 200 };

/** For an archive that hangs, or one too large to be listed in passing. */
const limitMs = 2000;

/**
 * Removes segments before %r from every source, unless %r is newer than what was asked for. Never fails; throws only the
 * reason of `stop`.
 */
export async function pruneBefore(
  restartFile: string,
  askedFor: string,
  node: ThisNode,
  voice: Voice,
  stop: AbortSignal,
): Promise<void> {
  const warn = (error: unknown) => voice.report('WARNING', describeError(error).report);
  try {
    const plan = planBefore(restartFile, node.settings.dataDirectory);
    if (plan === 'none') return;
    const asked = readRestartPoint(askedFor, plan.segmentSize);
    if (asked === undefined || asked === 'none' || asked.number < plan.restart.number) return;
    const pruning = directoriesAmong(node.settings.restore.sources).map((url) =>
      pruneSource(url, plan, node, stop),
    );
    for (const result of await Promise.allSettled(pruning)) {
      if (result.status === 'rejected' && !stop.aborted) await warn(result.reason);
      if (result.status === 'rejected') continue;
      const { value } = result;
      if (value.segments > 0) await voice.event(`pruned ${value.url}`, prunedFields(value));
      await warnOfHolders(value, value.keptFor, node, voice);
    }
  } catch (error) {
    await warn(error);
  }
  stop.throwIfAborted();
}

async function pruneSource(
  url: string,
  plan: PrunePlan,
  node: ThisNode,
  stop: AbortSignal,
): Promise<Pruned & { url: string; directory: string }> {
  const what = `prune ${url} (twowarm prune has no time limit)`;
  return bounded(what, limitMs, stop, async (signal) => {
    const road = await openForRemoval(url, node.identity);
    try {
      return { url, directory: road.directory, ...(await pruneArchive(road, plan, node, perCall, signal)) };
    } finally {
      await road.close();
    }
  });
}
