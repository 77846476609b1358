// Which line of timelines recovery follows, and what that means for a requested segment: what lies past a fork is never
// replayed (trap T10c), and a name is not waited for while the server should ask for another one (trap T11).
import { readSegmentSize } from '../../postgres/control-file.ts';
import { newestKept } from '../../postgres/kept-histories.ts';
import { startupProcess } from '../../postgres/startup-process.ts';
import { ProgramError } from '../../program/program-error.ts';
import { sayOnce } from '../../program/say-once.ts';
import type { ReadTransport } from '../../transport/transport.ts';
import { historyName, segmentName, type WalFileName } from '../../wal/filename.ts';
import { belongsTo, timelinesOf, type Line } from '../../wal/line.ts';
import { segmentNumber } from '../../wal/segment.ts';
import type { Asking } from '../ask-sources.ts';
import type { Share } from './fork.ts';
import { readFollowed, type Followed } from './followed-note.ts';
import { holdersOf, isHistoryKept, leavesAbove, lineOf, newestTimeline, withSources } from './histories.ts';
import { targetTimeline } from '../../postgres/target-timeline.ts';

export type Segment = Extract<WalFileName, { kind: 'segment' | 'partial' }>;

/** What the server follows, as far as it can be told. */
export interface Known {
  /** More than one: it may be any of them. */
  lines: readonly Line[];
  /** The newest timeline that the server has found itself; undefined where that was not seen. */
  found?: number;
}

/** The line that recovery follows, of which the asked timeline is a part; else the asked timeline's own. */
async function followed(asked: number, asking: Asking, sources: readonly ReadTransport[]): Promise<Known> {
  const { dataDirectory } = asking.node.settings;
  const target = targetTimeline(dataDirectory);
  if (target === 'latest') return followedLatest(asked, asking, sources);
  if (target !== 'current' && target > asked) {
    const line = await lineOf(target, asking, sources);
    if (isPartOf(asked, line)) return { lines: [line] };
  }
  return { lines: [await lineOf(asked, asking, sources)] };
}

const isPartOf = (asked: number, line: Line): boolean =>
  line.ancestors.some(({ timeline }) => timeline === asked);

/**
 * What the server has found itself is what counts: it chooses among the histories that there were when it looked, and
 * follows none that did not descend from the one it was on. Where that was not seen, it follows the newest if there is
 * only one line.
 */
async function followedLatest(
  asked: number,
  asking: Asking,
  sources: readonly ReadTransport[],
): Promise<Known> {
  const note = noteFor(asking);
  if (note === undefined || note.tip < asked) {
    const newest = await newestTimeline(asked, asking, sources);
    return { lines: await leavesAbove(asked, newest, asking, sources) };
  }
  const line = await lineOf(note.tip, asking, sources);
  if (note.tip === asked || isPartOf(asked, line)) return { lines: [line], found: note.found };
  throw new ProgramError(
    'timeline-unknown',
    `cannot tell which timeline the server follows: it asks for ${asking.name.name}, and timeline ${asked} is none of timeline ${note.tip}'s`,
  );
}

/** The note of this life. A history that the server has kept since, and not found, shows that it could not be replaced. */
function noteFor(asking: Asking): Followed | undefined {
  const { dataDirectory } = asking.node.settings;
  const life = startupProcess(dataDirectory);
  const note = life === undefined ? undefined : readFollowed(asking, life);
  return note === undefined || newestKept(dataDirectory) > note.found ? undefined : note;
}

const numberOf = (name: Segment, segmentSize: number): bigint => segmentNumber(name, segmentSize) ?? -1n;

/**
 * The share of a segment on the followed line; called when there is a newer timeline than the segment's. What is held
 * back is said once a fork: the server asks for each segment under every timeline's name, most of which are nowhere.
 */
export async function shareOnFollowedLine(
  asking: Asking,
  name: Segment,
  source: ReadTransport,
): Promise<Share> {
  const { node, voice, stop } = asking;
  const { lines } = await withSources(asking, (sources) => followed(name.timeline, asking, sources));
  const line = lines[0]!;
  const segmentSize = readSegmentSize(node.settings.dataDirectory);
  const number = numberOf(name, segmentSize);
  const shares = lines.map((each) => belongsTo(each, name.timeline, number, segmentSize));
  const share = shares[0]!;
  if (shares.some((other) => other !== share)) throw undecided(name, lines);
  if (share === 'elsewhere') return 'whole';
  if (share === 'past' && (await holdersOf(name.name, [source], stop)).length > 0) {
    const message = `${name.name} lies past the point where timeline ${line.timeline} left timeline ${name.timeline}: not restored`;
    // A mark for each timeline that was left: of two, the server asks for both names in turn.
    const topic = `fork-${line.timeline}-${name.timeline}`;
    const say = (): Promise<void> => voice.report('LOG', { message });
    await sayOnce(node.identity.stateDirectory, topic, '', say);
  }
  return share;
}

function undecided({ name, timeline }: Segment, lines: readonly Line[]): ProgramError {
  const numbers = lines.map((line) => line.timeline).sort((one, other) => one - other);
  const listed = `${numbers.slice(0, -1).join(', ')} and ${numbers.at(-1)!}`;
  const message = `cannot tell which timeline the server follows: ${listed} have both left timeline ${timeline}`;
  return new ProgramError('timeline-unknown', message, {
    detail: `${name} belongs to one of them, and not, or not all of it, to the other.`,
    hint: 'Restart the server, so that it looks for the newest timeline again, or set recovery_target_timeline to a number.',
  });
}

/** The lines that the server may be on when it asks for a segment. */
export async function linesAround(
  asking: Asking,
  { timeline }: Segment,
  sources: readonly ReadTransport[],
): Promise<Known> {
  // Under recovery.signal the server does not look for another timeline, and takes an absent file for the end.
  if (asking.mode === 'recovery') return { lines: [await lineOf(timeline, asking, sources)] };
  return followed(timeline, asking, sources);
}

/**
 * Why an absent segment is not waited for: the server should ask for another name of it, or look for a new timeline.
 * Undefined: this is the name to wait for.
 */
export async function whyAskAgain(asking: Asking, name: Segment): Promise<string | undefined> {
  const { node, stop } = asking;
  const segmentSize = readSegmentSize(node.settings.dataDirectory);
  const number = numberOf(name, segmentSize);
  return withSources(asking, async (sources) => {
    const { lines, found } = await linesAround(asking, name, sources);
    const news = found === undefined ? unseen(lines, asking) : await newerThan(found, sources, stop);
    if (news !== undefined) return `there is a history file of timeline ${news}`;
    for (const line of lines) {
      const timelines = timelinesOf(line, number, segmentSize);
      if (timelines[0] !== name.timeline) return `timeline ${name.timeline} does not hold it`;
      for (const timeline of timelines.slice(1)) {
        const other = segmentName(timeline, number, segmentSize);
        if ((await holdersOf(other, sources, stop)).length > 0) return `there is ${other}`;
      }
    }
    return undefined;
  });
}

/** A timeline that the server has not looked at: it keeps the history of each one that it has, also of one it refuses. */
function unseen(lines: readonly Line[], asking: Asking): number | undefined {
  const { name } = asking;
  return lines.find(({ timeline }) => timeline !== name.timeline && !isHistoryKept(timeline, asking))
    ?.timeline;
}

/** The next timeline after the newest that the server has found, if there is one by now. */
async function newerThan(
  found: number,
  sources: readonly ReadTransport[],
  stop: AbortSignal,
): Promise<number | undefined> {
  const isThere = (await holdersOf(historyName(found + 1), sources, stop)).length > 0;
  return isThere ? found + 1 : undefined;
}
