// What of a segment may be replayed when a newer timeline is known: the part before the fork. The quick look is here;
// only where there is a newer history file, followed-line.ts reads it.
import { truncateSync } from 'node:fs';
import { bounded } from '../../program/bounded.ts';
import { openSource } from '../../transport/open.ts';
import { newestKept } from '../../postgres/kept-histories.ts';
import type { ReadTransport } from '../../transport/transport.ts';
import { historyName } from '../../wal/filename.ts';
import type { Asking } from '../ask-sources.ts';

/** All of the file, nothing of it, or so many bytes from its start. */
export type Share = 'whole' | 'past' | number;

const lastTimeline = 0xffff_ffff;

/** A source that hangs may hold up a segment that another one has only so long, in ms. */
const otherSourceLimitMs = 500;

/** Whether another source than the asked one has the file. What it cannot say in time does not count. */
async function isElsewhere(name: string, { node, stop }: Asking, source: ReadTransport): Promise<boolean> {
  const isAt = async (url: string, signal: AbortSignal): Promise<boolean> => {
    const other = await openSource(url, node.identity, stop);
    try {
      return (await other.stat(name, signal)) !== 'missing';
    } finally {
      await other.close();
    }
  };
  const others = node.settings.restore.sources
    .filter((url) => url !== source.url)
    .map((url) =>
      bounded(`look for ${name} at ${url}`, otherSourceLimitMs, stop, (signal) => isAt(url, signal)).catch(
        () => false,
      ),
    );
  const answers = await Promise.all(others);
  stop.throwIfAborted();
  return answers.includes(true);
}

/** The share of the requested file that belongs to the line that recovery follows. */
export async function shareOf(asking: Asking, source: ReadTransport, signal: AbortSignal): Promise<Share> {
  const { name, mode } = asking;
  // Without a signal file nothing is replayed any more (or pg_rewind asks, which looks before the fork).
  if (name.kind !== 'segment' || mode === 'none' || name.timeline === lastTimeline) return 'whole';
  // The server keeps the histories of the line that it follows in pg_wal.
  const newer = historyName(name.timeline + 1);
  const isNewest =
    newestKept(asking.node.settings.dataDirectory) <= name.timeline &&
    (await source.stat(newer, signal)) === 'missing' &&
    !(await isElsewhere(newer, asking, source));
  if (isNewest) return 'whole';
  const { shareOnFollowedLine } = await import('./followed-line.ts');
  return shareOnFollowedLine(asking, name, source);
}

/** Zeroes everything from a byte on, without writing: what is replayed ends there, and the size stays. */
export function cutAt(path: string, sizeBytes: number, bytes: number): void {
  truncateSync(path, bytes);
  truncateSync(path, sizeBytes);
}
