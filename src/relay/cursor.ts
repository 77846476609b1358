// What of the own archive is still needed to relay: the oldest segment that some destination lacks. Whoever prunes the
// archive must not remove it, so it is put on record there, in the archive's registry of consumers.
import { readSegmentSize } from '../postgres/control-file.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import { consumerId, type Need } from '../transport/consumer-record.ts';
import type { ReadTransport } from '../transport/transport.ts';
import { parseWalFileName } from '../wal/filename.ts';
import { segmentNumber } from '../wal/segment.ts';

/** The segment of a key: itself, or the one that a partial segment, a backup or a gap belongs to; none of a history. */
function segmentOf(key: string): string | undefined {
  const name = key.slice(0, 24);
  return parseWalFileName(name)?.kind === 'segment' ? name : undefined;
}

/**
 * The oldest segment, by its place in the WAL, that one of the destinations lacks; where none lacks any, the newest
 * segment that is here. Undefined where there is no segment.
 */
export function oldestNeeded(
  lacking: Iterable<string>,
  here: readonly string[],
  segmentSize: number,
): string | undefined {
  return extreme(lacking, segmentSize, -1) ?? extreme(here, segmentSize, 1);
}

function extreme(keys: Iterable<string>, segmentSize: number, sign: 1 | -1): string | undefined {
  let found: { name: string; number: bigint } | undefined;
  for (const key of keys) {
    const name = segmentOf(key);
    const file = name === undefined ? undefined : parseWalFileName(name);
    if (name === undefined || file?.kind !== 'segment') continue;
    const number = segmentNumber(file, segmentSize);
    if (number === undefined) continue;
    const isFurther = found === undefined || (sign === 1 ? number > found.number : number < found.number);
    if (isFurther) found = { name, number };
  }
  return found?.name;
}

/** Puts on record at the own archive what this relay still needs of it; nothing where the road keeps no registry. */
export async function registerRelay(
  source: ReadTransport,
  lacking: Iterable<string>,
  here: readonly string[],
  { identity, settings }: ThisNode,
  signal: AbortSignal,
): Promise<void> {
  if (identity.dryRun || source.registerConsumer === undefined) return;
  const oldest = oldestNeeded(lacking, here, readSegmentSize(settings.dataDirectory));
  const { nodeId } = identity;
  const id = consumerId(nodeId, 'relay');
  const need: Need = { id, node: nodeId, name: settings.nodeName, kind: 'relay', oldest };
  await source.registerConsumer(need, signal);
}
