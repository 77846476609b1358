// Which line of timelines recovery follows, and what that means for a requested segment: what lies past a fork is never
// replayed (trap T10c), and a name is not waited for while the server should ask for another one (trap T11).
import { majorVersion } from '../../postgres/version.ts';
import { currentServerSettings } from '../../postgres/current-settings.ts';
import { readSegmentSize } from '../../postgres/control-file.ts';
import { sayOnce } from '../../program/say-once.ts';
import type { ReadTransport } from '../../transport/transport.ts';
import { segmentName, type WalFileName } from '../../wal/filename.ts';
import { belongsTo, timelinesOf, type Line } from '../../wal/line.ts';
import { segmentNumber } from '../../wal/segment.ts';
import type { Asking } from '../ask-sources.ts';
import type { Share } from './fork.ts';
import { holdersOf, isHistoryKept, lineOf, newestTimeline, withSources } from './histories.ts';

export type Segment = Extract<WalFileName, { kind: 'segment' | 'partial' }>;

/** recovery_target_timeline: a number, or one of PostgreSQL's two words. */
function targetTimeline(dataDirectory: string): number | 'latest' | 'current' {
  const value = currentServerSettings(dataDirectory).get('recovery_target_timeline')?.trim().toLowerCase();
  if (value === 'latest' || value === 'current') return value;
  const number = Number(value);
  if (value !== undefined && value !== '' && Number.isInteger(number) && number > 0) return number;
  // The default changed (12's release notes). A version that cannot be read counts as new: nothing past a fork is served.
  return (majorVersion(dataDirectory) ?? 12) < 12 ? 'current' : 'latest';
}

/** The line that recovery follows, of which the asked timeline is a part; else the asked timeline's own. */
async function followedLine(asked: number, asking: Asking, sources: readonly ReadTransport[]): Promise<Line> {
  const target = targetTimeline(asking.node.settings.dataDirectory);
  const own = (): Promise<Line> => lineOf(asked, asking, sources);
  if (target === 'current' || (target !== 'latest' && target <= asked)) return own();
  let tip = target === 'latest' ? await newestTimeline(asked, asking, sources) : target;
  for (; tip > asked; tip--) {
    const line = await lineOf(tip, asking, sources);
    if (line.ancestors.some(({ timeline }) => timeline === asked)) return line;
    if (target !== 'latest') break;
  }
  return own();
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
  const line = await withSources(asking, (sources) => followedLine(name.timeline, asking, sources));
  const segmentSize = readSegmentSize(node.settings.dataDirectory);
  const share = belongsTo(line, name.timeline, numberOf(name, segmentSize), segmentSize);
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

/**
 * Why an absent segment is not waited for: the server should ask for another name of it, or look for a new timeline.
 * Undefined: this is the name to wait for.
 */
export async function whyAskAgain(asking: Asking, name: Segment): Promise<string | undefined> {
  const { mode, node, stop } = asking;
  const segmentSize = readSegmentSize(node.settings.dataDirectory);
  const number = numberOf(name, segmentSize);
  return withSources(asking, async (sources) => {
    // Under recovery.signal the server has chosen its line at the start and does not look for another one.
    const line = await (mode === 'recovery'
      ? lineOf(name.timeline, asking, sources)
      : followedLine(name.timeline, asking, sources));
    if (line.timeline !== name.timeline && !isHistoryKept(line.timeline, asking))
      return `there is a history file of timeline ${line.timeline}`;
    const timelines = timelinesOf(line, number, segmentSize);
    if (timelines[0] !== name.timeline) return `timeline ${name.timeline} does not hold it`;
    for (const timeline of timelines.slice(1)) {
      const other = segmentName(timeline, number, segmentSize);
      if ((await holdersOf(other, sources, stop)).length > 0) return `there is ${other}`;
    }
    return undefined;
  });
}
