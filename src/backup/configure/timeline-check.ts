// Whether the data directory can follow the newest timeline that its sources know: what PostgreSQL checks at its start (a
// checkpoint and a minimum recovery point on that line), and what it does not: WAL in pg_wal past the fork, which it would
// replay where the archive has nothing (trap T10c).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readControlRecovery } from '../../postgres/control-recovery.ts';
import { readDatabaseState } from '../../postgres/database-state.ts';
import { hasReplayedPast } from '../../postgres/replayed-past.ts';
import { ProgramError } from '../../program/program-error.ts';
import { parseBackupHistory } from '../../wal/backup-history.ts';
import type { Line } from '../../wal/line.ts';
import { formatLsn } from '../../wal/lsn.ts';
import { parseWalFileName } from '../../wal/filename.ts';
import type { Origin } from './refusals.ts';

/** A point that has to be on the line that is followed. */
interface Point {
  timeline: number;
  lsn: bigint;
  /** 'its last checkpoint is at' */
  what: string;
}

/** Where recovery will begin. */
function beginningOf(dataDirectory: string, origin: Origin): Point {
  const { timeline, redo } = readDatabaseState(dataDirectory);
  if (origin !== 'base-backup') {
    const lsn = readControlRecovery(dataDirectory)?.checkpoint ?? redo;
    return { timeline, lsn, what: 'its last checkpoint is at' };
  }
  const path = join(dataDirectory, 'backup_label');
  const label = parseBackupHistory(readFileSync(path, 'latin1'));
  if ('problem' in label)
    throw new ProgramError('copy-unfinished', `cannot use ${path}: ${label.problem}`, {
      hint: 'Copy the data directory again: PostgreSQL could not use it either.',
    });
  const { timeline: ofSegment } = parseWalFileName(label.startSegment)!;
  return { timeline: ofSegment, lsn: label.startLsn, what: 'the base backup began at' };
}

/** Up to where its pages may be; undefined where that is not known, or nothing. */
function furthestOf(dataDirectory: string): Point | undefined {
  const control = readControlRecovery(dataDirectory);
  if (control === undefined || control.minRecoveryPoint === 0n || control.minRecoveryTimeline === 0)
    return undefined;
  const { minRecoveryPoint, minRecoveryTimeline } = control;
  // That many bytes were replayed: the last of them has to be on the line.
  return { timeline: minRecoveryTimeline, lsn: minRecoveryPoint - 1n, what: 'its pages reach up to' };
}

/** The timeline that recovery will begin on. */
export const timelineOfNode = (dataDirectory: string, origin: Origin): number =>
  beginningOf(dataDirectory, origin).timeline;

/** Where the line left that timeline; undefined where it is its tip, 'nowhere' where it never was on it. */
function forkFrom(line: Line, timeline: number): bigint | undefined | 'nowhere' {
  if (line.timeline === timeline) return undefined;
  return line.ancestors.find((ancestor) => ancestor.timeline === timeline)?.switchLsn ?? 'nowhere';
}

function refuse(dataDirectory: string, line: Line, detail: string): never {
  throw new ProgramError('diverged', `${dataDirectory} cannot follow timeline ${line.timeline}`, {
    detail,
    hint: `Copy it again: copyToStandby on the primary of timeline ${line.timeline} sends only what differs.`,
  });
}

function refusePoint(dataDirectory: string, line: Line, { timeline, lsn, what }: Point): void {
  const fork = forkFrom(line, timeline);
  if (fork === undefined) return;
  const [tip, own] = [`Timeline ${line.timeline}`, `timeline ${timeline}`];
  if (fork === 'nowhere')
    refuse(
      dataDirectory,
      line,
      `${tip} does not descend from ${own}, and ${what} ${formatLsn(lsn)} of that.`,
    );
  if (lsn >= fork)
    refuse(dataDirectory, line, `${tip} left ${own} at ${formatLsn(fork)}, and ${what} ${formatLsn(lsn)}.`);
}

/** Throws `diverged` where the data directory is past the point where the line left its own, and says which. */
export function refuseDiverged(dataDirectory: string, origin: Origin, line: Line): void {
  const beginning = beginningOf(dataDirectory, origin);
  refusePoint(dataDirectory, line, beginning);
  const furthest = furthestOf(dataDirectory);
  if (furthest !== undefined) refusePoint(dataDirectory, line, furthest);
  const fork = forkFrom(line, beginning.timeline);
  if (fork === undefined || fork === 'nowhere') return;
  const index = line.ancestors.findIndex(({ timeline }) => timeline === beginning.timeline);
  const own: Line = { timeline: beginning.timeline, ancestors: line.ancestors.slice(0, index) };
  if (!hasReplayedPast(fork, own, dataDirectory)) return;
  const detail = `Timeline ${line.timeline} left timeline ${own.timeline} at ${formatLsn(fork)}, and pg_wal holds WAL of timeline ${own.timeline} past that.`;
  refuse(dataDirectory, line, detail);
}
