// Before the promotion: whether the WAL of the sources ends at a segment that was given up on purpose (the archiving state
// "discard"). "smart" replays all up to there and no further, which whoever triggers has to know. What the sources still
// hold after the promotion is left-behind.ts.
import { readSegmentSize } from '../postgres/control-file.ts';
import { readDatabaseState } from '../postgres/database-state.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import type { GapRecord } from '../program/gap-record.ts';
import { ProgramError } from '../program/program-error.ts';
import { openSource } from '../transport/open.ts';
import type { ReadTransport } from '../transport/transport.ts';
import { parseWalFileName, segmentName } from '../wal/filename.ts';
import { parseLsn } from '../wal/lsn.ts';
import { segmentNumber, segmentOfLsn } from '../wal/segment.ts';
import { newestTimeline } from './fork.ts';
import type { Wish } from './options.ts';
import type { Server } from './server.ts';
import type { Telling } from './telling.ts';

/** The longest look at one source, in ms: somebody waits for the promotion. */
const limitMs = 5000;

/** Gaps are counted up to here: an archive that was given up for days has a record for each segment. */
const mostCounted = 1000;

/** How far the server has come: what streaming has brought lies in pg_wal and needs no source. */
const position = 'select greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::text';

interface Source {
  url: string;
  /** Numbers of the segments it has, whatever the timeline. */
  has: Set<bigint>;
  timelines: number[];
  gapOf: (name: string) => Promise<GapRecord | undefined>;
}

async function look(source: ReadTransport, segmentSize: number, signal: AbortSignal): Promise<Source> {
  const files = (await source.list(signal)).map((name) => parseWalFileName(name));
  const segments = files.flatMap((file) =>
    file?.kind === 'segment' ? [segmentNumber(file, segmentSize) ?? -1n] : [],
  );
  const timelines = files.flatMap((file) => (file?.kind === 'history' ? [file.timeline] : []));
  return {
    url: source.url,
    has: new Set(segments),
    timelines,
    gapOf: (name) => source.gapOf(name, signal),
  };
}

/** The records of one segment number, of the newest timeline that was given up there. */
async function gapAt(
  number: bigint,
  timelines: readonly number[],
  segmentSize: number,
  sources: readonly Source[],
): Promise<GapRecord | undefined> {
  for (const timeline of timelines) {
    for (const { gapOf } of sources) {
      const gap = await gapOf(segmentName(timeline, number, segmentSize));
      if (gap !== undefined) return gap;
    }
  }
  return undefined;
}

/** The gaps right behind the last segment that the server can have, in order. */
async function gapsBehind(
  from: bigint,
  timelines: readonly number[],
  segmentSize: number,
  sources: readonly Source[],
): Promise<GapRecord[]> {
  let next = from;
  while (sources.some(({ has }) => has.has(next))) next += 1n;
  const gaps: GapRecord[] = [];
  while (gaps.length < mostCounted) {
    const gap = await gapAt(next + BigInt(gaps.length), timelines, segmentSize, sources);
    if (gap === undefined) break;
    gaps.push(gap);
  }
  return gaps;
}

/** Opens what can be opened; a source that cannot be looked at was told of before. */
async function withSources<T>(
  { settings, identity }: ThisNode,
  stop: AbortSignal,
  use: (opened: readonly ReadTransport[], signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return bounded('look for gaps', limitMs, stop, async (signal) => {
    const opened: ReadTransport[] = [];
    try {
      for (const url of settings.restore.sources) opened.push(await openSource(url, identity, signal));
      return await use(opened, signal);
    } finally {
      for (const source of opened) await source.close();
    }
  });
}

/** Warns of a gap that ends what can be replayed; needs a connection, for the position. */
export async function warnOfKnownGap(
  { wish, stop }: { wish: Wish; stop: AbortSignal },
  node: ThisNode,
  server: Server,
  telling: Telling,
): Promise<void> {
  const lsn = parseLsn((await server.value(position)) ?? '');
  if (lsn === undefined) return;
  const { dataDirectory } = node.settings;
  const segmentSize = readSegmentSize(dataDirectory);
  const gaps = await withSources(node, stop, async (opened, signal) => {
    const sources = await Promise.all(opened.map((each) => look(each, segmentSize, signal)));
    const oldest = readDatabaseState(dataDirectory).timeline;
    const newest = Math.max(newestTimeline(dataDirectory), ...sources.flatMap(({ timelines }) => timelines));
    const timelines = Array.from({ length: newest - oldest + 1 }, (_, index) => newest - index);
    return gapsBehind(segmentOfLsn(lsn, segmentSize), timelines, segmentSize, sources);
  }).catch((error: unknown) => {
    if (error instanceof ProgramError && !stop.aborted) return [];
    throw error;
  });
  if (gaps.length > 0) await telling.warn(knownGap(gaps, wish));
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
