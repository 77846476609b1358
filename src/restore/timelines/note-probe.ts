// A history that is not there, under recovery_target_timeline = 'latest': the end of the server's look for the newest
// timeline (findNewestTimeLine in timeline.c), and so the moment to note which one it follows from here on. It does what
// PostgreSQL does with the same histories: validateRecoveryParameters and rescanLatestTimeLine in xlogrecovery.c.
import { startupProcess } from '../../postgres/startup-process.ts';
import { errnoOf, ProgramError } from '../../program/program-error.ts';
import type { Asking } from '../ask-sources.ts';
import { forgetFollowed, readFollowed, writeFollowed, type Followed } from './followed-note.ts';
import { isHistoryKept, leavesAbove, lineOf, withSources } from './histories.ts';
import { hasReplayedPast } from '../../postgres/replayed-past.ts';
import { targetTimeline } from '../../postgres/target-timeline.ts';

/** Notes what follows from a history request that the server takes for "absent". Its failure changes no answer. */
export async function noteProbe(asking: Asking): Promise<void> {
  try {
    await note(asking);
  } catch (error) {
    asking.stop.throwIfAborted();
    if (!(error instanceof ProgramError) && errnoOf(error) === undefined) throw error;
    // The server has decided, and we cannot say how.
    forgetFollowed(asking);
  }
}

async function note(asking: Asking): Promise<void> {
  const { dataDirectory } = asking.node.settings;
  const found = asking.name.timeline - 1;
  // A copy in pg_wal counts where restore_command has none: the server goes on with the next.
  if (found < 1 || isHistoryKept(found + 1, asking)) return;
  const life = startupProcess(dataDirectory);
  if (life === undefined) return;
  const before = readFollowed(asking, life);
  // Also histories of ancestors are asked for, and may be missing.
  if (before !== undefined && found <= before.found) return;
  if (targetTimeline(dataDirectory) !== 'latest') return;
  const followed = await decide(asking, found, before, life.hasBegun);
  if (followed !== undefined) writeFollowed(asking, life, followed);
}

async function decide(
  asking: Asking,
  found: number,
  before: Followed | undefined,
  hasBegun: boolean,
): Promise<Followed | undefined> {
  // At its start it takes the newest, whatever the line, and ends if that cannot be.
  if (before === undefined && !hasBegun) return { tip: found, found };
  // Under recovery.signal it looks but once; it asks again at its end, for a number that is free.
  if (asking.mode === 'recovery') return undefined;
  return withSources(asking, async (sources) => {
    if (before === undefined) {
      // Its start was not seen. Where each timeline descends from all the older ones there is only one to follow.
      const leaves = found === 1 ? [] : await leavesAbove(1, found, asking, sources);
      return leaves.length > 1 ? undefined : { tip: found, found };
    }
    const line = await lineOf(found, asking, sources);
    const fork = line.ancestors.find(({ timeline }) => timeline === before.tip)?.switchLsn;
    if (fork === undefined) return { tip: before.tip, found };
    const old = before.tip === 1 ? { timeline: 1, ancestors: [] } : await lineOf(before.tip, asking, sources);
    const isTooLate = hasReplayedPast(fork, old, asking.node.settings.dataDirectory);
    return { tip: isTooLate ? before.tip : found, found };
  });
}
