// What may go before a restart point on this node: its segment size and the history of its line, put together. Reads
// only the data directory.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSegmentSize } from '../../postgres/control-file.ts';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import { historyName } from '../../wal/filename.ts';
import { parseHistory, type HistoryEntry } from '../../wal/history.ts';
import { linesIn } from './needs.ts';
import { readRestartPoint, stretchesBefore, type RestartPoint } from './prunable.ts';
import type { PrunePlan } from './prune-archive.ts';

/** pg_wal was pg_xlog before 10. */
const walDirectories = ['pg_wal', 'pg_xlog'];

/** The ancestors of a timeline; none where the server has not kept its history, as for timeline 1, which has none. */
function readHistory(dataDirectory: string, timeline: number, segmentSize: number): HistoryEntry[] {
  for (const directory of walDirectories) {
    const path = join(dataDirectory, directory, historyName(timeline));
    let text: string;
    try {
      text = readFileSync(path, 'latin1');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') continue;
      throw fromSystemError(error, `could not read ${path}`);
    }
    const history = parseHistory(text, timeline, segmentSize);
    if ('entries' in history) return history.entries;
    throw new ProgramError('invalid-file', `cannot use the history file ${path}: ${history.problem}`);
  }
  return [];
}

export interface RestartPlan extends PrunePlan {
  restart: RestartPoint;
}

/**
 * The plan for a restart file; 'none' where PostgreSQL knows no restart point yet. An `invalid-name` error for what is not
 * the name of one, or of a segment that cannot exist at this cluster's segment size.
 */
export function planBefore(restartFile: string, dataDirectory: string): RestartPlan | 'none' {
  const segmentSize = readSegmentSize(dataDirectory);
  const restart = readRestartPoint(restartFile, segmentSize);
  if (restart === 'none') return 'none';
  if (restart === undefined) {
    throw new ProgramError('invalid-name', `"${restartFile}" is not the name of a segment of this cluster`, {
      detail: `Its segments have ${segmentSize} bytes. Nothing is removed.`,
      hint: 'The restart file is what PostgreSQL puts in for %r.',
    });
  }
  const history = readHistory(dataDirectory, restart.timeline, segmentSize);
  const stretches = stretchesBefore(restart, history, segmentSize);
  return { restart, restartFile, segmentSize, stretches, lines: linesIn(restart.timeline, history) };
}
