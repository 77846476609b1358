// Whether a kept segment belongs to the line that its archive is claimed for: one past a fork would come back as orphaned
// WAL, which a standby might replay.
import { ProgramError } from '../program/program-error.ts';
import { readOwner } from '../transport/archive-identity.ts';
import { headerOfKept } from '../transport/compare-conflict.ts';
import type { Conflict } from '../transport/conflicts.ts';
import { lineInArchive } from '../transport/quarantine.ts';
import { parseWalFileName } from '../wal/filename.ts';
import { belongsTo, type Line } from '../wal/line.ts';
import { formatLsn } from '../wal/lsn.ts';
import { segmentNumber } from '../wal/segment.ts';

/** The line that the archive is claimed for: by its history file there, else by the note of the quarantine. */
async function claimedLine(directory: string, { why }: Conflict): Promise<Line | undefined> {
  const claim = (await readOwner(directory))?.claim;
  const timeline = claim?.timeline ?? why?.timeline;
  if (timeline === undefined) return undefined;
  const line = await lineInArchive(directory, timeline);
  if (line !== undefined || why?.timeline !== timeline) return line;
  return { timeline, ancestors: why.ancestors.map((each) => ({ ...each, reason: '' })) };
}

/** By the file's own first page; undefined for one that does not say, or cannot be decoded. */
async function sizeOf(conflict: Conflict, signal: AbortSignal): Promise<number | undefined> {
  try {
    return (await headerOfKept(conflict, signal))?.segmentSize;
  } catch (error) {
    if (error instanceof ProgramError && error.kind === 'invalid-file') return undefined;
    throw error;
  }
}

/** Throws `conflict-unknown` for a segment that lies past a fork of the claimed line. */
export async function requireOnLine(
  directory: string,
  conflict: Conflict,
  signal: AbortSignal,
): Promise<void> {
  const file = parseWalFileName(conflict.walName);
  if (file?.kind !== 'segment') return;
  const line = await claimedLine(directory, conflict);
  const size = await sizeOf(conflict, signal);
  const number = size === undefined ? undefined : segmentNumber(file, size);
  // Where it cannot be told, the note of the quarantine says enough.
  const share =
    line === undefined || size === undefined || number === undefined
      ? 'past'
      : belongsTo(line, file.timeline, number, size);
  if (share !== 'past') return;
  const left = line?.ancestors.find(({ timeline }) => timeline === file.timeline)?.switchLsn;
  const where = left === undefined ? '' : ` at ${formatLsn(left)}`;
  throw new ProgramError('conflict-unknown', `will not put ${conflict.id} back: it lies past a fork`, {
    detail: `Timeline ${line?.timeline ?? 'unknown'} left timeline ${file.timeline}${where}; a standby could replay what is no part of it.`,
    hint: `If you want it all the same: twowarm conflicts accept --force ${conflict.id}`,
  });
}
