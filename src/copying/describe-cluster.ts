// A cluster as a target is told of it, so that the target can judge whether a copy of it may come.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readSegmentSize } from '../postgres/control-file.ts';
import { besideOf, type Tablespace } from '../postgres/tablespaces.ts';
import { bootId } from '../program/boot-id.ts';
import { fromSystemError } from '../program/program-error.ts';
import type { SourceCluster } from './target.ts';

export interface KnownCluster {
  /** Its real path. */
  dataDirectory: string;
  tablespaces: readonly Tablespace[];
  /** Decimal digits. */
  systemIdentifier: string;
  major: number;
  catalogVersion: number;
}

async function placeOf(path: string): Promise<string> {
  const { dev, ino } = await stat(path, { bigint: true }).catch((error: unknown) => {
    throw fromSystemError(error, `could not look at "${path}"`);
  });
  return `${dev}:${ino}`;
}

/** `position`: where it writes, and on which timeline. */
export async function describeCluster(
  { dataDirectory, tablespaces, systemIdentifier, major, catalogVersion }: KnownCluster,
  position: Pick<SourceCluster, 'timeline' | 'lsn'>,
): Promise<SourceCluster> {
  const beside = besideOf(tablespaces).map(({ location }) => location);
  const directories = [dataDirectory, join(dataDirectory, 'pg_wal'), ...beside];
  return {
    boot: bootId(),
    directories: await Promise.all(directories.map(placeOf)),
    systemIdentifier,
    version: String(major),
    catalogVersion,
    segmentSize: readSegmentSize(dataDirectory),
    ...position,
  };
}
