// After the promotion: whether a source holds segments of the line before it that were not replayed. A restore_command
// that fails answers "absent", and a segment may arrive in the very moment; what is lost must not be lost in silence.
import { readSegmentSize } from '../postgres/control-file.ts';
import { readServerSettings } from '../postgres/server-settings.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import { ProgramError } from '../program/program-error.ts';
import { withoutSecret } from '../program/road-url.ts';
import { openSource } from '../transport/open.ts';
import { parseWalFileName } from '../wal/filename.ts';
import { segmentNumber, segmentOfLsn } from '../wal/segment.ts';
import type { Fork } from './fork.ts';
import type { Telling } from './telling.ts';

/** The longest look at one source, in ms: the server is open by now, and nothing waits for it. */
const limitMs = 5000;

/** A recovery that was to end at its target leaves the rest on purpose. */
const hadTarget = (dataDirectory: string): boolean => {
  const server = readServerSettings(dataDirectory);
  const targets = ['', '_name', '_time', '_xid', '_lsn'].map((end) => server.get(`recovery_target${end}`));
  return targets.some((target) => target !== undefined && target !== '');
};

/**
 * Warns of them, by URL also of those that are in quarantine by now: an archive moves them as soon as it hears of the fork.
 * A source that cannot be looked at was told of before.
 */
export async function warnOfLeftBehind(
  fork: Fork,
  quarantined: ReadonlyMap<string, readonly string[]>,
  { settings, identity }: ThisNode,
  stop: AbortSignal,
  telling: Telling,
): Promise<void> {
  const { lsn, parentTimeline } = fork;
  if (lsn === undefined || parentTimeline === undefined || hadTarget(settings.dataDirectory)) return;
  const segmentSize = readSegmentSize(settings.dataDirectory);
  const isPast = (name: string): boolean => {
    const file = parseWalFileName(name);
    if (file?.kind !== 'segment' || file.timeline !== parentTimeline) return false;
    return (segmentNumber(file, segmentSize) ?? -1n) >= segmentOfLsn(lsn, segmentSize);
  };
  for (const url of settings.restore.sources) {
    const past = await bounded(`list ${url}`, limitMs, stop, async (signal) => {
      const source = await openSource(url, identity);
      try {
        return (await source.list(signal)).filter(isPast);
      } finally {
        await source.close();
      }
    }).catch((error: unknown) => {
      if (error instanceof ProgramError && !stop.aborted) return [];
      throw error;
    });
    const aside = (quarantined.get(url) ?? []).filter(isPast);
    const all = [...new Set([...aside, ...past])].sort();
    if (all.length > 0) await telling.warn(leftBehind(url, all, parentTimeline, aside.length));
  }
}

const leftBehind = (url: string, past: readonly string[], timeline: number, aside: number) => ({
  message: `${withoutSecret(url)} holds WAL of timeline ${timeline} that was not replayed: from ${past[0]} on, segments: ${past.length}`,
  detail: 'What was committed in them is missing on this server.',
  hint: `The server's log says why restore_command did not deliver them. Keep them: they are the only copy.${aside === 0 ? '' : ` In quarantine: ${aside} (twowarm conflicts list).`}`,
});
