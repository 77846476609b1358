// A dry run of pruning: what would go from an archive as it stands, and what stays although the restart point would let it
// go, by the consumer that needs it. Changes nothing.
import type { Consumer } from '../../transport/consumer-record.ts';
import type { RemovalRoad } from '../../transport/open-for-removal.ts';
import { segmentName } from '../../wal/filename.ts';
import { readLimits, type RegisteredHolder } from './limits.ts';
import { presentIn } from './prunable.ts';
import { beginning, type PrunePlan } from './prune-archive.ts';
import type { Cursor } from './prune-cursor.ts';

/** Segments that one consumer keeps. */
export interface Kept {
  holder: RegisteredHolder;
  segments: number;
}

/** The names that would go, in order of removal, and what stays; `changed` is what the call itself would put on record. */
export async function findPrunable(
  road: RemovalRoad,
  plan: PrunePlan,
  cursor: Cursor,
  changed: (consumers: Consumer[]) => Consumer[],
  signal: AbortSignal,
): Promise<{ names: string[]; kept: Kept[] }> {
  const { segmentSize, stretches } = plan;
  const present = await road.list(signal);
  const limits = await readLimits(road, plan, signal, changed);
  const kept = new Map<string, Kept>();
  const names = stretches.flatMap((stretch) => {
    const { to, holder } = limits.of(stretch);
    const numbers = presentIn(present, stretch, beginning(stretch, cursor) ?? 0n, segmentSize);
    const going = numbers.filter((number) => number < to);
    const staying = numbers.length - going.length;
    if (holder !== undefined && staying > 0) {
      const before = kept.get(holder.id)?.segments ?? 0;
      kept.set(holder.id, { holder, segments: before + staying });
    }
    return going.map((number) => segmentName(stretch.timeline, number, segmentSize));
  });
  return { names, kept: [...kept.values()] };
}
