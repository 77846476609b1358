// Removing segments that the standby no longer needs, after a restored one. The rules of the original: the timeline does
// not count; history, backup and partial files stay; what cannot be removed ends the removal, not the restore.
import { join } from 'node:path';
import { fromSystemError } from '../../program/program-error.ts';
import { readDirectory, unlink } from '../../program/system-calls.ts';
import { segmentName, type WalFileName } from '../../wal/filename.ts';
import { segmentNumber } from '../../wal/segment.ts';
import type { Order } from './order.ts';
import type { Speaker } from './speaker.ts';

/** In a segment's name, what comes after the timeline. */
const position = (name: string): string => name.slice(8);

/**
 * The name of the oldest segment to keep once `name` is restored, or undefined where nothing may go. A RESTARTWALFILE that
 * is later than what was asked for is a mistake, whichever way names are compared: as they are, or without the timeline.
 */
export function oldestToKeep(
  { restart, keep, name }: Pick<Order, 'restart' | 'keep' | 'name'>,
  segmentSize: number,
): string | undefined {
  if (name.kind !== 'segment') return undefined;
  if (restart !== undefined) {
    const isLater = restart > name.name || position(restart) > position(name.name);
    return isLater ? undefined : restart;
  }
  return keep === 0 ? undefined : segmentsBefore(name, keep, segmentSize);
}

function segmentsBefore(
  name: WalFileName & { kind: 'segment' | 'partial' },
  count: number,
  segmentSize: number,
): string | undefined {
  const number = segmentNumber(name, segmentSize);
  if (number === undefined || number < BigInt(count)) return undefined;
  return segmentName(name.timeline, number - BigInt(count), segmentSize);
}

/** Removes every segment of the archive before `oldest`, of any timeline. */
export async function removeOlder(
  archive: string,
  oldest: string,
  speaker: Speaker,
  stop: AbortSignal,
): Promise<void> {
  let removed = 0;
  try {
    for (const { name } of await readDirectory(archive)) {
      stop.throwIfAborted();
      if (!/^[0-9A-F]{24}$/.test(name) || position(name) >= position(oldest)) continue;
      await unlink(join(archive, name));
      speaker.detail(`removed "${join(archive, name)}"`);
      removed += 1;
    }
  } catch (error) {
    stop.throwIfAborted();
    const { message } = fromSystemError(error, `could not remove old segments from the archive "${archive}"`);
    speaker.say('WARNING', { message, hint: 'The next call tries again.' });
  }
  if (removed > 0) speaker.detail(`the archive keeps WAL from ${oldest} on`);
}
