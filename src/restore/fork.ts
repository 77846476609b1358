// What of a segment may be replayed when a newer timeline is known: the part before the fork. The quick look is here;
// only where there is a newer history file, followed-line.ts reads it.
import { truncateSync } from 'node:fs';
import { newestKept } from './kept-histories.ts';
import type { ReadTransport } from '../transport/transport.ts';
import { historyName } from '../wal/filename.ts';
import type { Asking } from './ask-sources.ts';

/** All of the file, nothing of it, or so many bytes from its start. */
export type Share = 'whole' | 'past' | number;

const lastTimeline = 0xffff_ffff;

/** The share of the requested file that belongs to the line that recovery follows. */
export async function shareOf(asking: Asking, source: ReadTransport, signal: AbortSignal): Promise<Share> {
  const { name, mode, node } = asking;
  // Without a signal file nothing is replayed any more (or pg_rewind asks, which looks before the fork).
  if (name.kind !== 'segment' || mode === 'none' || name.timeline === lastTimeline) return 'whole';
  const { dataDirectory } = node.settings;
  const isNewest = newestKept(dataDirectory) <= name.timeline;
  if (isNewest && (await source.stat(historyName(name.timeline + 1), signal)) === 'missing') return 'whole';
  const { shareOnFollowedLine } = await import('./followed-line.ts');
  return shareOnFollowedLine(asking, name, source);
}

/** Zeroes everything from a byte on, without writing: what is replayed ends there, and the size stays. */
export function cutAt(path: string, sizeBytes: number, bytes: number): void {
  truncateSync(path, bytes);
  truncateSync(path, sizeBytes);
}
