// A timeline's history file as a source has it, whole and checked, as text. Which line of timelines follows from it is for
// who asks.
import { readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryPath } from '../program/temporary-name.ts';
import type { Cluster } from '../wal/content-check.ts';
import { historyName, parseWalFileName } from '../wal/filename.ts';
import { inspectAs } from './inspection.ts';
import type { ReadTransport } from './transport.ts';

/** Who reads, and where a copy may lie for a moment. */
export interface HistoryReader {
  cluster: Cluster;
  directory: string;
  nodeId: string;
}

/** Undefined where the source says that it has none; `invalid-file` where what it has is no history. */
export async function readHistoryAt(
  source: ReadTransport,
  timeline: number,
  { cluster, directory, nodeId }: HistoryReader,
  signal: AbortSignal,
): Promise<string | undefined> {
  const name = historyName(timeline);
  const copy = temporaryPath(join(directory, name), nodeId);
  const inspection = inspectAs(parseWalFileName(name)!, cluster, `will not read ${name} at ${source.url}`);
  if ((await source.get(name, copy, inspection.of, signal)) === 'missing') return undefined;
  try {
    return readFileSync(copy, 'utf8');
  } finally {
    unlinkSync(copy);
  }
}
