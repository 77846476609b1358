// What a directory holds, and whether a copy of that cluster may take it: empty, an interrupted copy of the same cluster, or
// its data directory, not ahead of the source. Everything else is refused: unknown is not ours.
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readControlFile } from '../../postgres/control-file.ts';
import { readDatabaseState } from '../../postgres/database-state.ts';
import { newestKept } from '../../postgres/kept-histories.ts';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import { formatLsn } from '../../wal/lsn.ts';
import type { Found, SourceCluster } from '../target.ts';
import { readNote } from './note.ts';
import { isOwnName } from './own-names.ts';

export type Content = Pick<Found, 'timeline' | 'databaseState'> & {
  state: Exclude<Found['state'], 'missing'>;
};

/** What a new file system has in its uppermost directory. */
export const lostAndFound = 'lost+found';

/** Judges a directory that is there. */
export function judgeContent(directory: string, source: SourceCluster): Content {
  const version = readVersion(directory);
  if (isThere(join(directory, 'global', 'pg_control'))) {
    if (version === undefined)
      throw unknown(directory, 'It has a file global/pg_control, but no PG_VERSION.');
    requireSame(directory, 'data directory', version, readSystemIdentifier(directory), source);
    return { state: 'data-directory', ...notAhead(directory, source) };
  }
  const note = readNote(directory);
  if (note !== undefined) {
    requireSame(directory, 'interrupted copy', note.version, note.systemIdentifier, source);
    return { state: 'unfinished' };
  }
  const names = namesIn(directory).filter((name) => !isOwnName(name));
  if (names.length === 0) return { state: 'empty' };
  if (version !== undefined) {
    throw unknown(directory, 'It has a file PG_VERSION, but no global/pg_control to tell whose it is.');
  }
  throw unknown(directory, 'It is not empty, and is no data directory of PostgreSQL.');
}

/** What is in a directory, but for what a file system itself puts there. */
export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name !== lostAndFound);
  } catch (error) {
    throw fromSystemError(error, `could not read directory "${directory}"`);
  }
}

/** What cannot be looked at is not missing. */
export function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw fromSystemError(error, `could not look for file "${path}"`);
  }
}

function readVersion(directory: string): string | undefined {
  const path = join(directory, 'PG_VERSION');
  try {
    return readFileSync(path, 'latin1').trim();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fromSystemError(error, `could not read file "${path}"`);
  }
}

const readSystemIdentifier = (directory: string): string =>
  readControlFile(directory).systemIdentifier.toString();

function unknown(directory: string, detail: string): ProgramError {
  return new ProgramError('target-unsuited', `cannot copy into ${directory}: it holds something else`, {
    detail,
    hint: 'Name another directory, or move away or remove what is there if nobody needs it.',
  });
}

function requireSame(
  directory: string,
  what: string,
  version: string,
  systemIdentifier: string,
  source: SourceCluster,
): void {
  if (systemIdentifier !== source.systemIdentifier) {
    throw new ProgramError(
      'wrong-cluster',
      `cannot copy into ${directory}: it is the ${what} of another cluster`,
      {
        detail: `Its system identifier is ${systemIdentifier}; the source has ${source.systemIdentifier}.`,
        hint: 'Name another directory, or move away or remove what is there if nobody needs it.',
      },
    );
  }
  if (version === source.version) return;
  throw new ProgramError(
    'target-unsuited',
    `cannot copy into ${directory}: it is of another version of PostgreSQL`,
    {
      detail: `It is of version ${version}; the source has ${source.version}.`,
    },
  );
}

function notAhead(directory: string, source: SourceCluster): Pick<Found, 'timeline' | 'databaseState'> {
  const { state, timeline, checkpoint } = readDatabaseState(directory);
  const kept = newestKept(directory);
  // A server that died right after its promotion may have no checkpoint of the new timeline yet.
  if (kept > source.timeline && timeline <= source.timeline) {
    throw ahead(
      directory,
      'knows of a newer timeline than the source',
      `There is a history file of timeline ${kept} in its pg_wal; the source writes timeline ${source.timeline}.`,
    );
  }
  if (timeline > source.timeline) {
    throw ahead(
      directory,
      'has a newer timeline than the source',
      `It is on timeline ${timeline}; the source writes timeline ${source.timeline}.`,
    );
  }
  if (timeline === source.timeline && checkpoint > source.lsn) {
    throw ahead(
      directory,
      'holds WAL that the source does not have',
      `Its last checkpoint is at ${formatLsn(checkpoint)} of timeline ${timeline}; the source has written up to ${formatLsn(source.lsn)}.`,
    );
  }
  return { timeline, databaseState: state ?? 'unrecognized status code' };
}

function ahead(directory: string, what: string, detail: string): ProgramError {
  return new ProgramError('target-ahead', `cannot copy into ${directory}: it ${what}`, {
    detail,
    hint: 'Newer WAL comes from a promotion: make sure which node is to live on. Only if it is the source, stop what runs there, move that data directory away and start the copy again.',
  });
}
