// The timeline that a promotion will take: the one after the newest that the server can find, in its pg_wal or through
// its restore_command (findNewestTimeLine in PostgreSQL's timeline.c).
import type { ThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import { ProgramError } from '../program/program-error.ts';
import { withoutSecret } from '../program/road-url.ts';
import { openSource } from '../transport/open.ts';
import { historyName } from '../wal/filename.ts';
import { newestTimeline } from './fork.ts';

/** The longest look at one source, in ms; one that cannot say was told of before. */
const lookLimitMs = 2000;

/** The newest timeline that a source knows, upwards from a known one to the first history that is missing. */
async function newestAt(url: string, from: number, node: ThisNode, stop: AbortSignal): Promise<number> {
  try {
    return await bounded(`look into ${withoutSecret(url)}`, lookLimitMs, stop, async (signal) => {
      const source = await openSource(url, node.identity, signal);
      try {
        let newest = from;
        while ((await source.stat(historyName(newest + 1), signal)) !== 'missing') newest++;
        return newest;
      } finally {
        await source.close();
      }
    });
  } catch (error) {
    if (error instanceof ProgramError && !stop.aborted) return from;
    throw error;
  }
}

/** The timeline that the server will write to once it is promoted, as far as pg_wal and the sources tell. */
export async function expectedTimeline(node: ThisNode, stop: AbortSignal): Promise<number> {
  const { dataDirectory, restore } = node.settings;
  let newest = newestTimeline(dataDirectory);
  // Of two sources each may have the next history of the other's last one.
  for (let before = 0; before !== newest;) {
    before = newest;
    const from = newest;
    const found = await Promise.all(restore.sources.map((url) => newestAt(url, from, node, stop)));
    newest = Math.max(newest, ...found);
  }
  return newest + 1;
}
