// After the promotion: whether a source holds segments of the line before it that were not replayed, under whichever of
// its timelines: a server may be promoted before it has reached the fork of the one that it follows. A restore_command
// that fails answers "absent", and a segment may arrive in the very moment; what is lost must not be lost in silence.
import { readSegmentSize } from '../postgres/control-file.ts';
import { readServerSettings } from '../postgres/server-settings.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import { withoutSecret } from '../program/road-url.ts';
import { parseWalFileName, segmentName, type WalFileName } from '../wal/filename.ts';
import { timelinesOf, type Line } from '../wal/line.ts';
import { segmentNumber, segmentOfLsn, segmentStart } from '../wal/segment.ts';
import { ancestorsOf, type Fork } from './fork.ts';
import { at, type Place } from './places.ts';
import type { Telling } from './telling.ts';

/** The longest look at one source, in ms: the server is open by now, and nothing waits for it. */
const limitMs = 5000;

/** A recovery that was to end at its target leaves the rest on purpose. */
export const hadTarget = (dataDirectory: string): boolean => {
  const server = readServerSettings(dataDirectory);
  const targets = ['', '_name', '_time', '_xid', '_lsn'].map((end) => server.get(`recovery_target${end}`));
  return targets.some((target) => target !== undefined && target !== '');
};

type Segment = Extract<WalFileName, { kind: 'segment' }>;

/** What of a timeline's WAL was on the line before the promotion and after its end. */
interface Unreplayed {
  timeline: number;
  from: bigint;
  /** Where the line left that timeline; undefined for the one that was promoted from: nobody has left it before. */
  to: bigint | undefined;
}

function unreplayed({ timeline, lsn }: Fork, dataDirectory: string): Unreplayed[] {
  if (lsn === undefined) return [];
  const ancestors = ancestorsOf(dataDirectory, timeline);
  return ancestors
    .map((entry, index) => ({
      timeline: entry.timeline,
      from: lsn,
      to: index === ancestors.length - 1 ? undefined : entry.switchLsn,
    }))
    .filter(({ from, to }) => to === undefined || from < to);
}

/** The names that hold some of it. */
function among(names: readonly string[], { timeline, from, to }: Unreplayed, segmentSize: number): string[] {
  return names.filter((name) => {
    const file = parseWalFileName(name);
    if (file?.kind !== 'segment' || file.timeline !== timeline) return false;
    const number = segmentNumber(file, segmentSize) ?? -1n;
    if (number < segmentOfLsn(from, segmentSize)) return false;
    return to === undefined || segmentStart(number, segmentSize) < to;
  });
}

/** Those from the end of the replay to the newest of these names that none of the sources has. */
function missingAmong(
  names: readonly string[],
  { timeline, lsn }: Fork,
  dataDirectory: string,
): { first: string; last: string; count: number } | undefined {
  const segmentSize = readSegmentSize(dataDirectory);
  const ancestors = ancestorsOf(dataDirectory, timeline);
  const line: Line = { timeline: ancestors.at(-1)!.timeline, ancestors: ancestors.slice(0, -1) };
  const had = new Set(names.map((name) => segmentNumber(parseWalFileName(name) as Segment, segmentSize)));
  const missing: string[] = [];
  for (let number = segmentOfLsn(lsn!, segmentSize); had.size > 0; number++) {
    if (had.delete(number)) continue;
    missing.push(segmentName(timelinesOf(line, number, segmentSize)[0]!, number, segmentSize));
  }
  const [first, last] = [missing[0], missing.at(-1)];
  return first === undefined ? undefined : { first, last: last!, count: missing.length };
}

/**
 * Warns of them, by URL also of those that are in quarantine by now: an archive moves them as soon as it hears of the fork.
 * A source that cannot be looked at was told of before. `wasAsked`: whether the server has surely looked for them.
 */
export async function warnOfLeftBehind(
  fork: Fork,
  quarantined: ReadonlyMap<string, readonly string[]>,
  wasAsked: boolean,
  node: ThisNode,
  stop: AbortSignal,
  telling: Telling,
): Promise<void> {
  const { dataDirectory, restore } = node.settings;
  const parts = unreplayed(fork, dataDirectory);
  if (parts.length === 0 || hadTarget(dataDirectory)) return;
  const segmentSize = readSegmentSize(dataDirectory);
  const looks = await Promise.all(
    restore.sources.map(async (url) => {
      const place: Place = { url, words: withoutSecret(url), kind: 'source' };
      const list = { node, withinMs: limitMs, stop };
      const { value = [] } = await at(place, 'list', list, (road, signal) => road.list(signal));
      const aside = quarantined.get(url) ?? [];
      return { words: place.words, aside, names: [...new Set([...aside, ...value])].sort() };
    }),
  );
  const allPast = looks.flatMap(({ names }) => parts.flatMap((part) => among(names, part, segmentSize)));
  const missing = missingAmong(allPast, fork, dataDirectory);
  for (const { words, aside, names } of looks) {
    for (const part of parts) {
      const past = among(names, part, segmentSize);
      const moved = among(aside, part, segmentSize).length;
      if (past.length > 0)
        await telling.warn(leftBehind(words, past, part.timeline, moved, missing, wasAsked));
    }
  }
}

function leftBehind(
  source: string,
  past: readonly string[],
  timeline: number,
  aside: number,
  missing: ReturnType<typeof missingAmong>,
  wasAsked: boolean,
) {
  const quarantine = aside === 0 ? '' : ` In quarantine: ${aside} (twowarm conflicts list).`;
  const message = `${source} holds WAL of timeline ${timeline} that was not replayed: from ${past[0]} on, segments: ${past.length}`;
  const keep = `Keep them: they are the only copy.${quarantine}`;
  if (missing === undefined)
    return {
      message,
      detail: 'What was committed in them is missing on this server.',
      hint: `${wasAsked ? "The server's log says why restore_command did not deliver them. " : ''}${keep}`,
    };
  const { first, last, count } = missing;
  const which = count === 1 ? first : `${first} to ${last} (segments: ${count})`;
  return {
    message,
    detail: `What was committed in them is missing on this server, and what was committed in ${which}, which no source had: replay cannot go past a missing segment.`,
    hint: keep,
  };
}
