// How far the server has come, and along which line of timelines it will go on: its own, or a newer one that left it
// further ahead and whose history a source has. As PostgreSQL finds it (rescanLatestTimeLine in xlogrecovery.c).
import { readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { readSegmentSize } from '../postgres/control-file.ts';
import { readDatabaseState } from '../postgres/database-state.ts';
import { targetTimeline } from '../postgres/target-timeline.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import { temporaryPath } from '../program/temporary-name.ts';
import { inspectAs } from '../transport/inspection.ts';
import { historyName, parseWalFileName } from '../wal/filename.ts';
import { parseHistory } from '../wal/history.ts';
import type { Line } from '../wal/line.ts';
import { parseLsn } from '../wal/lsn.ts';
import { ancestorsOf, newestTimeline } from './fork.ts';
import { at, type Listed } from './places.ts';
import type { Server } from './server.ts';

/** The longest look for one history file, in ms. */
const limitMs = 2000;

/** What streaming has brought lies in pg_wal and needs no source. Before PostgreSQL 10 there is no such function. */
const position = 'select greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::text';

export interface Ahead {
  line: Line;
  /** All before it is here; without a connection only what the last restart point says. */
  from: bigint;
  isExact: boolean;
  segmentSize: number;
}

/** A history that a source has; undefined where it cannot be had, or not be used. */
async function historyAt(
  timeline: number,
  sources: readonly Listed[],
  node: ThisNode,
  stop: AbortSignal,
): Promise<Line | undefined> {
  const name = historyName(timeline);
  for (const source of sources.filter(({ names }) => names?.includes(name))) {
    const copy = temporaryPath(join(node.identity.stateDirectory, name), node.identity.nodeId);
    const inspection = inspectAs(parseWalFileName(name)!, node.cluster, `will not read ${name}`);
    const { value } = await at(
      source,
      `read ${name} at`,
      { node, withinMs: limitMs, stop },
      async (road, signal) => {
        if ((await road.get(name, copy, inspection.of, signal)) === 'missing') return undefined;
        try {
          return parseHistory(readFileSync(copy, 'utf8'), timeline);
        } finally {
          unlinkSync(copy);
        }
      },
    );
    if (value !== undefined && 'entries' in value) return { timeline, ancestors: value.entries };
  }
  return undefined;
}

async function lineFrom(
  from: bigint,
  sources: readonly Listed[],
  node: ThisNode,
  stop: AbortSignal,
): Promise<Line> {
  const { dataDirectory } = node.settings;
  const target = targetTimeline(dataDirectory);
  const own = (timeline: number): Line => ({ timeline, ancestors: ancestorsOf(dataDirectory, timeline) });
  if (target === 'current') return own(readDatabaseState(dataDirectory).timeline);
  const tip = newestTimeline(dataDirectory);
  if (target !== 'latest') return (await historyAt(target, sources, node, stop)) ?? own(tip);
  let newest = tip;
  while (sources.some(({ names }) => names?.includes(historyName(newest + 1)))) newest++;
  const other = newest === tip ? undefined : await historyAt(newest, sources, node, stop);
  const fork = other?.ancestors.find(({ timeline }) => timeline === tip)?.switchLsn;
  return other !== undefined && fork !== undefined && fork >= from ? other : own(tip);
}

/** Looks at the server after the sources were listed: what it has restored since is in its pg_wal. */
export async function lookAhead(
  listed: readonly Listed[],
  node: ThisNode,
  server: Server,
  stop: AbortSignal,
): Promise<Ahead> {
  const { dataDirectory } = node.settings;
  const lsn = parseLsn((await server.value(position)) ?? '');
  const from = lsn ?? readDatabaseState(dataDirectory).redo;
  const sources = listed.filter(({ kind }) => kind === 'source');
  const line = await lineFrom(from, sources, node, stop);
  return { line, from, isExact: lsn !== undefined, segmentSize: readSegmentSize(dataDirectory) };
}
