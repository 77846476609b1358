// Where a pg_standby call happens: the data directory, if it can be seen, and its kind of recovery. pg_standby itself needs
// neither; with them it knows whose WAL it delivers and what its exit code will do.
import { dirname, resolve } from 'node:path';
import { readControlFile } from '../../postgres/control-file.ts';
import { readRecoveryMode, type RecoveryMode } from '../../postgres/recovery-mode.ts';
import { isDataDirectory } from '../../program/home.ts';
import type { Cluster } from '../../wal/content-check.ts';

export interface Surroundings {
  dataDirectory: string | undefined;
  mode: RecoveryMode | undefined;
}

/** The working directory, where PostgreSQL runs us, else the nearest data directory above the target (pg_rewind). */
export function surroundingsOf(workingDirectory: string, target: string | undefined): Surroundings {
  const dataDirectory = [
    workingDirectory,
    ...(target === undefined ? [] : above(resolve(workingDirectory, target))),
  ].find(isDataDirectory);
  return {
    dataDirectory,
    mode: dataDirectory === undefined ? undefined : readRecoveryMode(dataDirectory),
  };
}

/** Whose WAL it must be; undefined where only its structure can be judged. */
export function clusterOf({ dataDirectory }: Surroundings): Cluster | undefined {
  return dataDirectory === undefined ? undefined : readControlFile(dataDirectory);
}

function above(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [] : [parent, ...above(parent)];
}
