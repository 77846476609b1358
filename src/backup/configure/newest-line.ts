// The newest timeline that the sources know, found as the server will find it: upwards from its own to the first history that
// is missing (findNewestTimeLine in timeline.c). A source that cannot be asked makes the answer an unknown one.
import { bounded } from '../../program/bounded.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { ThisNode } from '../../postgres/this-node.ts';
import { openSource } from '../../transport/open.ts';
import { readHistoryAt } from '../../transport/read-history.ts';
import { withoutSecret } from '../../program/road-url.ts';
import type { ReadTransport } from '../../transport/transport.ts';
import { historyName } from '../../wal/filename.ts';
import { parseHistory } from '../../wal/history.ts';
import type { Line } from '../../wal/line.ts';

/** How long one source may take for all that is asked of it, in ms. */
const limitMs = 15_000;

export interface Newest {
  /** The newest that is known of. */
  line: Line;
  /** What could not be asked: there may be a newer one. */
  faults: readonly ProgramError[];
}

async function historyAt(
  source: ReadTransport,
  timeline: number,
  { node, signal }: { node: ThisNode; signal: AbortSignal },
): Promise<Line | undefined> {
  const { cluster, identity, settings } = node;
  const reader = { cluster, directory: settings.home, nodeId: identity.nodeId };
  const text = await readHistoryAt(source, timeline, reader, signal);
  if (text === undefined) return undefined;
  const history = parseHistory(text, timeline);
  if ('entries' in history) return { timeline, ancestors: history.entries };
  const message = `cannot use ${historyName(timeline)} at ${withoutSecret(source.url)}: ${history.problem}`;
  throw new ProgramError('invalid-file', message);
}

/** The newest that one source has, above a timeline; undefined for none. */
async function newestAt(
  url: string,
  above: number,
  node: ThisNode,
  stop: AbortSignal,
): Promise<Line | undefined> {
  return bounded(`look for histories at ${withoutSecret(url)}`, limitMs, stop, async (signal) => {
    const source = await openSource(url, node.identity, signal);
    try {
      let newest: Line | undefined;
      for (let timeline = above + 1; ; timeline++) {
        const next = await historyAt(source, timeline, { node, signal });
        if (next === undefined) return newest;
        newest = next;
      }
    } finally {
      await source.close();
    }
  });
}

/** The newest line above a timeline, at all sources: of two each may have the next history of the other's last one. */
export async function newestLine(from: number, node: ThisNode, stop: AbortSignal): Promise<Newest> {
  let line: Line = { timeline: from, ancestors: [] };
  const faults = new Map<string, ProgramError>();
  for (let before = 0; before !== line.timeline;) {
    before = line.timeline;
    for (const url of node.settings.restore.sources) {
      try {
        line = (await newestAt(url, line.timeline, node, stop)) ?? line;
      } catch (error) {
        if (stop.aborted || !(error instanceof ProgramError)) throw error;
        faults.set(url, error);
      }
    }
  }
  return { line, faults: [...faults.values()] };
}
