// Where the server's timeline left its parent: the last line of the history file that a promotion writes into pg_wal.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { newestKept } from '../postgres/kept-histories.ts';
import { readDatabaseState } from '../postgres/database-state.ts';
import { errnoOf } from '../program/program-error.ts';
import { historyName } from '../wal/filename.ts';
import { parseHistory, type HistoryEntry } from '../wal/history.ts';
import type { Server } from './server.ts';

export interface Fork {
  timeline: number;
  /** Undefined on timeline 1, which has no parent. */
  parentTimeline: number | undefined;
  /** The LSN from which on the new timeline counts. */
  lsn: bigint | undefined;
}

/** The newest timeline that the data directory knows of. */
export function newestTimeline(dataDirectory: string): number {
  return Math.max(readDatabaseState(dataDirectory).timeline, newestKept(dataDirectory));
}

/** The fork of the timeline that the server writes to; for one that was just promoted that is its promotion. */
export async function forkOf(dataDirectory: string, server: Server): Promise<Fork> {
  const current = await server.value('select pg_walfile_name(pg_current_wal_insert_lsn())');
  // Without a connection: a promotion has taken the highest.
  const timeline =
    current === undefined ? newestTimeline(dataDirectory) : Number.parseInt(current.slice(0, 8), 16);
  const parent = ancestorsOf(dataDirectory, timeline).at(-1);
  return { timeline, parentTimeline: parent?.timeline, lsn: parent?.switchLsn };
}

/** The timelines that a timeline descends from, oldest first, by its history in pg_wal; none where that cannot be read. */
export function ancestorsOf(dataDirectory: string, timeline: number): readonly HistoryEntry[] {
  if (timeline === 1) return [];
  try {
    const parsed = parseHistory(
      readFileSync(join(dataDirectory, 'pg_wal', historyName(timeline)), 'utf8'),
      timeline,
    );
    return 'problem' in parsed ? [] : parsed.entries;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return [];
  }
}
