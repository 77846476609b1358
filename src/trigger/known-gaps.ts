// Before the promotion: whether the WAL of the sources ends at a segment that was given up on purpose (the archiving state
// "discard"). "smart" replays all up to there and no further, which whoever triggers has to know. What the sources still
// hold after the promotion is left-behind.ts.
import type { ThisNode } from '../postgres/this-node.ts';
import type { GapRecord } from '../program/gap-record.ts';
import type { ReadTransport } from '../transport/transport.ts';
import { segmentName } from '../wal/filename.ts';
import { timelinesOf } from '../wal/line.ts';
import type { Ahead } from './line-ahead.ts';
import type { Wish } from './options.ts';
import { at, type Listed } from './places.ts';
import type { Telling } from './telling.ts';

/** The longest look at one source, in ms: somebody waits for the promotion. */
const limitMs = 5000;

/** Gaps are counted up to here: an archive that was given up for days has a record for each segment. */
const mostCounted = 1000;

/** The record of one segment, of the newest timeline that was given up there. */
async function gapAt(
  number: bigint,
  { line, segmentSize }: Ahead,
  source: ReadTransport,
  signal: AbortSignal,
): Promise<GapRecord | undefined> {
  for (const timeline of timelinesOf(line, number, segmentSize)) {
    const gap = await source.gapOf(segmentName(timeline, number, segmentSize), signal);
    if (gap !== undefined) return gap;
  }
  return undefined;
}

/** The gaps right behind the last segment that can be had, in order; a source that cannot be looked at was told of. */
async function gapsFrom(
  first: bigint,
  ahead: Ahead,
  listed: readonly Listed[],
  node: ThisNode,
  stop: AbortSignal,
): Promise<GapRecord[]> {
  const gaps: GapRecord[] = [];
  const sources = listed.filter(({ kind, fault }) => kind === 'source' && fault === undefined);
  // Of two sources each may know of the one after the other's last.
  for (let before = -1; before !== gaps.length;) {
    before = gaps.length;
    for (const source of sources)
      await at(source, 'look for gaps at', { node, withinMs: limitMs, stop }, async (road, signal) => {
        while (gaps.length < mostCounted) {
          const gap = await gapAt(first + BigInt(gaps.length), ahead, road, signal);
          if (gap === undefined) return;
          gaps.push(gap);
        }
      });
  }
  return gaps;
}

/** Warns of a gap that ends what can be replayed, at the first segment that nobody can deliver; true where there is one. */
export async function warnOfKnownGap(
  { wish, stop }: { wish: Wish; stop: AbortSignal },
  { first, ahead, listed }: { first: bigint; ahead: Ahead; listed: readonly Listed[] },
  node: ThisNode,
  telling: Telling,
): Promise<boolean> {
  const gaps = await gapsFrom(first, ahead, listed, node, stop);
  if (gaps.length > 0) await telling.warn(knownGap(gaps, wish));
  return gaps.length > 0;
}

function knownGap(gaps: readonly GapRecord[], wish: Wish) {
  const [{ name, node, at }] = gaps as [GapRecord];
  const count =
    gaps.length === 1 ? '1 segment was' : `${gaps.length} segments, up to ${gaps.at(-1)!.name}, were`;
  const end = wish === 'smart' ? 'Smart replays all before it, and promotes there. ' : '';
  return {
    message: `the WAL of the sources ends before ${name}, which was discarded by ${node} at ${at}`,
    detail: `${end}What was committed from there on will be missing: ${count} given up on purpose.`,
    hint: 'Is there another copy of it, in pg_wal of the old primary? Then bring it here first.',
  };
}
