// Timeline histories as the server would find them: in pg_wal, where it keeps those of the line it follows, then at the
// sources. Read-only; what follows from them is in followed-line.ts.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bounded } from '../../program/bounded.ts';
import { ProgramError } from '../../program/program-error.ts';
import { openSource } from '../../transport/open.ts';
import { readHistoryAt } from '../../transport/read-history.ts';
import type { ReadTransport } from '../../transport/transport.ts';
import { historyName } from '../../wal/filename.ts';
import { parseHistory } from '../../wal/history.ts';
import type { Line } from '../../wal/line.ts';
import type { Asking } from '../ask-sources.ts';
import { newestKept } from '../../postgres/kept-histories.ts';

/** A source that hangs must not keep a waiting call from hearing, in ms. */
const limitMs = 5000;

/** Undefined where the source cannot say, in time. */
async function inTime<T>(
  what: string,
  stop: AbortSignal,
  verb: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await bounded(what, limitMs, stop, verb);
  } catch (error) {
    if (stop.aborted) throw error;
    return undefined;
  }
}

/** Runs `look` with every source that opens; what is wrong with the others, the request itself reports. */
export async function withSources<T>(
  { node, stop }: Asking,
  look: (sources: ReadTransport[]) => Promise<T>,
): Promise<T> {
  const sources: ReadTransport[] = [];
  try {
    for (const url of node.settings.restore.sources) {
      const source = await inTime(`open ${url}`, stop, (signal) => openSource(url, node.identity, signal));
      if (source !== undefined) sources.push(source);
    }
    return await look(sources);
  } finally {
    for (const source of sources) await source.close();
  }
}

/** The sources that say they have the file. */
export async function holdersOf(
  name: string,
  sources: readonly ReadTransport[],
  stop: AbortSignal,
): Promise<ReadTransport[]> {
  const answers = await Promise.all(
    sources.map((source) => inTime(`look for ${name}`, stop, (signal) => source.stat(name, signal))),
  );
  return sources.filter((_, index) => answers[index] !== 'missing' && answers[index] !== undefined);
}

/** Whether the server has kept this history: then it follows that timeline, or has. */
export const isHistoryKept = (timeline: number, { node }: Asking): boolean =>
  existsSync(join(node.settings.dataDirectory, 'pg_wal', historyName(timeline)));

/**
 * The newest timeline with a history file, found as the server does: upwards to the first one missing, from `from` or
 * from the newest one that the server has kept.
 */
export async function newestTimeline(
  from: number,
  asking: Asking,
  sources: readonly ReadTransport[],
): Promise<number> {
  let newest = Math.max(from, newestKept(asking.node.settings.dataDirectory));
  while ((await holdersOf(historyName(newest + 1), sources, asking.stop)).length > 0) newest++;
  return newest;
}

/**
 * A timeline with its ancestors; one without a history file anywhere has none that we know of. A damaged copy does not
 * hide a good one: its fault is thrown where there is no other.
 */
export async function lineOf(
  timeline: number,
  asking: Asking,
  sources: readonly ReadTransport[],
): Promise<Line> {
  const name = historyName(timeline);
  const faults: unknown[] = [];
  const { cluster, identity } = asking.node;
  const reader = { cluster, directory: identity.stateDirectory, nodeId: identity.nodeId };
  const attempt = async (read: () => Promise<Line | undefined> | Line): Promise<Line | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (asking.stop.aborted) throw error;
      faults.push(error);
      return undefined;
    }
  };
  const kept = join(asking.node.settings.dataDirectory, 'pg_wal', name);
  const own = existsSync(kept)
    ? await attempt(() => parsed(timeline, readFileSync(kept, 'utf8'), kept))
    : undefined;
  if (own !== undefined) return own;
  for (const source of await holdersOf(name, sources, asking.stop)) {
    const line = await attempt(async () => {
      const text = await readHistoryAt(source, timeline, reader, asking.stop);
      return text === undefined ? undefined : parsed(timeline, text, `${name} at ${source.url}`);
    });
    if (line !== undefined) return line;
  }
  if (faults.length > 0) throw faults[0];
  return { timeline, ancestors: [] };
}

/**
 * The lines of the timelines from `from` to `to` of which `from` is a part and from which none of the others descends,
 * newest first: more than one where timelines left the same parent.
 */
export async function leavesAbove(
  from: number,
  to: number,
  asking: Asking,
  sources: readonly ReadTransport[],
): Promise<Line[]> {
  const covered = new Set<number>();
  const leaves: Line[] = [];
  for (let timeline = to; timeline > from; timeline--) {
    if (covered.has(timeline)) continue;
    const line = await lineOf(timeline, asking, sources);
    for (const ancestor of line.ancestors) covered.add(ancestor.timeline);
    if (line.ancestors.some((ancestor) => ancestor.timeline === from)) leaves.push(line);
  }
  return leaves.length > 0 ? leaves : [await lineOf(from, asking, sources)];
}

function parsed(timeline: number, text: string, where: string): Line {
  const history = parseHistory(text, timeline);
  if ('entries' in history) return { timeline, ancestors: history.entries };
  throw new ProgramError('invalid-file', `cannot use the history file ${where}: ${history.problem}`);
}
