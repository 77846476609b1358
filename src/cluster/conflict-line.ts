// Whether a kept segment belongs to the line that its archive is claimed for: one past a fork would come back as orphaned
// WAL, which a standby might replay.
import { ProgramError } from '../program/program-error.ts';
import { readOwner } from '../transport/archive-identity.ts';
import { compareConflict, headerOfKept } from '../transport/compare-conflict.ts';
import { taken, type Conflict } from '../transport/conflicts.ts';
import { lineInArchive } from '../transport/quarantine.ts';
import { parseWalFileName, type WalFileName } from '../wal/filename.ts';
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

/** What of a segment belongs to the claimed line, and that line; 'unknown' where it cannot be told. */
async function shareOf(
  directory: string,
  conflict: Conflict,
  file: Exclude<WalFileName, { kind: 'history' }>,
  signal: AbortSignal,
): Promise<{ line: Line | undefined; share: ReturnType<typeof belongsTo> | 'unknown' }> {
  const line = await claimedLine(directory, conflict);
  const size = await sizeOf(conflict, signal);
  const number = size === undefined ? undefined : segmentNumber(file, size);
  const isTold = line !== undefined && size !== undefined && number !== undefined;
  return { line, share: isTold ? belongsTo(line, file.timeline, number, size) : 'unknown' };
}

/** Throws `conflict-unknown` for a segment that lies past a fork of the claimed line. */
export async function requireOnLine(
  directory: string,
  conflict: Conflict,
  signal: AbortSignal,
): Promise<void> {
  const file = parseWalFileName(conflict.walName);
  if (file?.kind !== 'segment') return;
  const { line, share } = await shareOf(directory, conflict, file, signal);
  // Where it cannot be told, the note of the quarantine says enough.
  if (share !== 'past' && share !== 'unknown') return;
  const left = line?.ancestors.find(({ timeline }) => timeline === file.timeline)?.switchLsn;
  const where = left === undefined ? '' : ` at ${formatLsn(left)}`;
  throw new ProgramError('conflict-unknown', `will not put ${conflict.id} back: it lies past a fork`, {
    detail: `Timeline ${line?.timeline ?? 'unknown'} left timeline ${file.timeline}${where}; a standby could replay what is no part of it.`,
    hint: `If you want it all the same: twowarm conflicts accept --force ${conflict.id}`,
  });
}

/** Whether it is WAL of the claimed line, or may be: a segment, or the history of one of its timelines. */
async function mayBeOfLine(directory: string, conflict: Conflict, signal: AbortSignal): Promise<boolean> {
  const file = parseWalFileName(conflict.walName);
  if (file?.kind === 'history') {
    const line = await claimedLine(directory, conflict);
    const timelines = [line?.timeline, ...(line?.ancestors ?? []).map(({ timeline }) => timeline)];
    return line === undefined || timelines.includes(file.timeline);
  }
  if (file?.kind !== 'segment') return false;
  const { share } = await shareOf(directory, conflict, file, signal);
  return share !== 'past' && share !== 'elsewhere';
}

/** Throws `conflict-unknown` for the one that the archive may need: of the claimed line, and not there with the same bytes. */
export async function requireNotNeeded(
  directory: string,
  conflict: Conflict,
  signal: AbortSignal,
): Promise<void> {
  if (!conflict.id.startsWith('quarantine/') || !(await mayBeOfLine(directory, conflict, signal))) return;
  const comparison = await compareConflict(directory, conflict, signal).catch((error: unknown) => {
    // Of one that cannot be decoded nothing can be had back.
    if (error instanceof ProgramError && error.kind === 'invalid-file') return undefined;
    throw error;
  });
  if (comparison === undefined || comparison.counterpart === 'identical') return;
  const { id, walName } = conflict;
  const isAbsent = comparison.counterpart === 'none';
  const there = isAbsent ? `has no ${walName}` : `has another content as ${comparison.name}`;
  const first = isAbsent
    ? `To put it back: twowarm conflicts accept ${id}.`
    : `twowarm conflicts show ${id} says where they part.`;
  throw new ProgramError('conflict-unknown', `will not discard ${id}: the archive ${there}`, {
    detail: 'It is, or may be, of the line that the archive is claimed for. Nothing was removed.',
    hint: `${first} To remove it all the same: twowarm conflicts discard --force ${id}`,
  });
}

/** Throws `conflict-unknown` where the archive has a file under the name: the same, or another one. */
export async function requireDifferent(
  directory: string,
  conflict: Conflict,
  signal: AbortSignal,
): Promise<void> {
  const comparison = await compareConflict(directory, conflict, signal);
  if (comparison.counterpart === 'none') return;
  const { id } = conflict;
  if (comparison.counterpart === 'different') throw taken(comparison.name, id);
  throw new ProgramError(
    'conflict-unknown',
    `need not put ${id} back: it is identical with the archive's ${comparison.name}`,
    {
      detail: 'Nothing was changed.',
      hint: `To drop the kept one: twowarm conflicts discard ${id}`,
    },
  );
}
