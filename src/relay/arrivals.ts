// What has arrived in this node's own archive: every whole file, the gap records, the versions of partial segments.
import type { ThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import { listExtras } from '../transport/archive-extras.ts';
import { noteOwnArchiveUsed } from '../transport/backfill/used-archive.ts';
import { openSource } from '../transport/open.ts';
import type { ReadTransport } from '../transport/transport.ts';
import { byAge } from './queue.ts';

/** How long the own archive may take to be opened or listed, in ms; it may hold a million names. */
const lookLimitMs = 120_000;

/** The key of a gap record in a ledger. */
export const keyOfGap = (name: string): string => `${name}.gap`;

/** Opens this node's own archive for reading, and notes that it holds something: who pays debts asks for that. */
export async function openOwnArchive(node: ThisNode, stop: AbortSignal): Promise<ReadTransport> {
  const url = `file:${node.settings.archiveDirectory}`;
  return bounded(`open ${url}`, lookLimitMs, stop, async () => {
    const source = await openSource(url, node.identity);
    await noteOwnArchiveUsed(node);
    return source;
  });
}

/** The keys of gap records and versions: few, so that looking costs next to nothing. */
export async function listFew({ settings }: ThisNode): Promise<string[]> {
  const { gaps, versions } = await listExtras(settings.archiveDirectory);
  return [...gaps.map(keyOfGap), ...versions];
}

/** The keys of all that is there, oldest first. */
export async function listArrivals(
  source: ReadTransport,
  node: ThisNode,
  stop: AbortSignal,
): Promise<string[]> {
  return bounded(`list ${source.url}`, lookLimitMs, stop, async (signal) => {
    const [names, few] = await Promise.all([source.list(signal), listFew(node)]);
    return [...names, ...few].sort(byAge);
  });
}

/** Whether a file belongs to an older timeline: a primary has not written it, or has archived it long ago. */
export const isOlderThan = (timeline: number, key: string): boolean =>
  Number.parseInt(key.slice(0, 8), 16) < timeline;
