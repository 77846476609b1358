// An archive opened to remove old files from it, and for nothing else. Which ones are old, the caller knows.
import { join } from 'node:path';
import { fromSystemError } from '../program/program-error.ts';
import { readText, unlessMissing } from '../program/system-calls.ts';
import { historyName } from '../wal/filename.ts';
import { admitRemover } from './archive-identity.ts';
import type { Consumer } from './consumer-record.ts';
import { readConsumers } from './consumers.ts';
import { refuseDataDirectory } from './data-directory.ts';
import { ArchiveDirectory } from './filesystem.ts';
import { noteNameOf, recall } from './known-archives.ts';
import { directoryOf } from './open.ts';
import type { PrunedRange } from './pruned-ranges.ts';
import { recordPruned } from './pruned.ts';
import type { Identity, Transport } from './transport.ts';

export interface RemovalRoad extends Pick<Transport, 'url' | 'list' | 'remove' | 'close'> {
  directory: string;
  /** A name for small files of this node about this archive. */
  noteName: string;
  /** The archive's own random name; empty where the home could not keep it. */
  archive: string;
  /** Everybody who still needs something; throws where that cannot be known. */
  consumers(signal: AbortSignal): Promise<Consumer[]>;
  /** The text of a timeline's history; undefined where the archive has none. */
  history(timeline: number, signal: AbortSignal): Promise<string | undefined>;
  /** Puts on record what will be removed next; durable on return. */
  recordPruned(range: PrunedRange, segmentSize: number, signal: AbortSignal): Promise<void>;
}

/** Opens an archive that says of itself that it is this cluster's; every other directory is refused. */
export async function openForRemoval(url: string, identity: Identity): Promise<RemovalRoad> {
  const directory = directoryOf(url);
  // Whatever calls itself an archive there: what would go is a server's WAL.
  await refuseDataDirectory(directory);
  const road = new ArchiveDirectory(url, directory, identity, await admitRemover(directory, identity));
  const { nodeId } = identity;
  return {
    url,
    directory,
    noteName: noteNameOf(directory),
    archive: recall(directory, identity) ?? '',
    list: (signal) => road.list(signal),
    remove: (name, signal) => road.remove(name, signal),
    consumers: () => readConsumers(directory, nodeId),
    history: (timeline) => readHistory(directory, timeline),
    recordPruned: (range, segmentSize) =>
      recordPruned(directory, range, segmentSize, nodeId).catch((error: unknown) => {
        throw fromSystemError(error, `could not record what is pruned from ${url}`);
      }),
    close: () => road.close(),
  };
}

async function readHistory(directory: string, timeline: number): Promise<string | undefined> {
  const path = join(directory, historyName(timeline));
  return unlessMissing(readText(path, 'latin1')).catch((error: unknown) => {
    throw fromSystemError(error, `could not read ${path}`);
  });
}
