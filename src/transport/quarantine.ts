// What an old primary archived past the point where the claimed timeline left its own is no part of the cluster's history
// any more: it moves to .twowarm/quarantine/<timeline>-<epoch>/, beside a note of why and when. Moved by link and unlink,
// never over another file; a pass that was killed is finished by the next one. What becomes of it is in conflicts.ts. Of a
// compressed file the record of its contents stays where it is: it speaks of those bytes only, and helps if they come back.
import { join } from 'node:path';
import { errnoOf, ProgramError } from '../program/program-error.ts';
import { makeDirectoryDurably } from '../program/make-directory.ts';
import {
  link,
  readDirectory,
  readText,
  syncPath,
  unlessMissing,
  unlinkIfThere,
} from '../program/system-calls.ts';
import { historyName, parseWalFileName, type WalFileName } from '../wal/filename.ts';
import { parseHistory } from '../wal/history.ts';
import { belongsTo, type Line } from '../wal/line.ts';
import { formatLsn } from '../wal/lsn.ts';
import { parseLongPageHeader } from '../wal/page-header.ts';
import { isSegmentSize, segmentNumber } from '../wal/segment.ts';
import { beginningOf } from './archive-content.ts';
import { beginningOfCompressed } from './compressed/fetch-compressed.ts';
import { isOneFile } from './one-file.ts';
import type { Claim } from './ownership.ts';
import { createRecord, recordNames } from './record-file.ts';
import type { Identity } from './transport.ts';
import { walNameOf } from './stored-form.ts';
import { writerOf } from './writer.ts';

/** The note beside the quarantined files. */
export const reasonName = 'why.json';

export const quarantineIn = (directory: string): string => join(directory, '.twowarm', 'quarantine');

/** A segment in the archive, also a compressed one. */
interface Candidate {
  file: string;
  name: Exclude<WalFileName, { kind: 'history' | 'backup' }>;
}

function segmentsOfAncestors(names: readonly string[], { ancestors }: Line): Candidate[] {
  const timelines = new Set(ancestors.map(({ timeline }) => timeline));
  return names.flatMap((file) => {
    const name = parseWalFileName(walNameOf(file) ?? '');
    return name?.kind === 'segment' && timelines.has(name.timeline) ? [{ file, name }] : [];
  });
}

/** The segment size that a file's own first page names; undefined where it does not say. */
async function sizeIn(directory: string, { file, name }: Candidate): Promise<number | undefined> {
  const isPlain = file === name.name;
  const beginning = isPlain
    ? await beginningOf(join(directory, file))
    : await beginningOfCompressed(join(directory, name.name));
  const header = parseLongPageHeader(beginning);
  return 'problem' in header || !isSegmentSize(header.segmentSize) ? undefined : header.segmentSize;
}

/** The segments past the points where the line left their timelines. */
async function pastForks(
  directory: string,
  candidates: readonly Candidate[],
  line: Line,
): Promise<Candidate[]> {
  let size: number | undefined;
  // A plain one tells it without being decoded.
  const isPlain = ({ file, name }: Candidate): boolean => file === name.name;
  const plainFirst = [...candidates.filter(isPlain), ...candidates.filter((each) => !isPlain(each))];
  for (const each of plainFirst) if ((size ??= await sizeIn(directory, each)) !== undefined) break;
  if (size === undefined) return [];
  return candidates.filter(({ name }) => {
    const number = segmentNumber(name, size);
    return number !== undefined && belongsTo(line, name.timeline, number, size) === 'past';
  });
}

/** A second name in the room for the same file: its own, or with a number where another file has that. */
async function linkInto(room: string, directory: string, file: string): Promise<string | undefined> {
  const source = join(directory, file);
  for (let count = 1; ; count++) {
    const target = join(room, count === 1 ? file : `${file}.${count}`);
    try {
      await link(source, target);
      return target;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      if (errnoOf(error) !== 'EEXIST') throw error;
      // A pass that was killed, or one that is at work, has linked it already.
      if (await isOneFile(source, target)) return target;
    }
  }
}

/** Moves what lies past the forks of the claimed line; the WAL names of what is in its room afterwards, sorted. */
export async function quarantinePast(
  directory: string,
  line: Line,
  claim: Claim,
  by: Identity,
  signal: AbortSignal,
): Promise<string[]> {
  const past = await pastForks(directory, segmentsOfAncestors(await filesOf(directory), line), line);
  const files = past.map(({ file }) => file);
  await moveAside(directory, files, line, 'past-fork', claim, by, signal);
  return [...new Set((await namesIn(roomOf(directory, claim))).map(walNameOfKept))].sort();
}

/** The regular files of the archive itself, sorted. */
export async function filesOf(directory: string): Promise<string[]> {
  const entries = await readDirectory(directory);
  return entries
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();
}

/** Where a claim puts aside what it finds. */
const roomOf = (directory: string, { timeline, epoch }: Claim): string =>
  join(quarantineIn(directory), `${historyName(timeline).slice(0, 8)}-${epoch}`);

/** Moves these files of the archive into the room of a claim, in their order. The first one to move any leaves the note. */
export async function moveAside(
  directory: string,
  files: readonly string[],
  line: Line,
  reason: 'past-fork' | 'abandoned-timeline',
  claim: Claim,
  by: Identity,
  signal: AbortSignal,
): Promise<void> {
  if (files.length === 0) return;
  const room = roomOf(directory, claim);
  await prepareRoom(directory, room, line, reason, claim, writerOf(by));
  await move(directory, room, files, signal);
}

async function move(
  directory: string,
  room: string,
  files: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const linked = new Map<string, string>();
  for (const file of files) {
    signal.throwIfAborted();
    const target = await linkInto(room, directory, file);
    if (target !== undefined) linked.set(join(directory, file), target);
  }
  // The second name is durable before the first one goes.
  await syncPath(room);
  for (const [source, target] of linked) {
    signal.throwIfAborted();
    // Another pass may be done with it, and the owner may have put the name there again.
    if (await isOneFile(source, target)) await unlinkIfThere(source);
  }
  await syncPath(directory);
}

async function prepareRoom(
  directory: string,
  room: string,
  line: Line,
  reason: string,
  claim: Claim,
  writer: string,
): Promise<void> {
  await makeDirectoryDurably(quarantineIn(directory));
  await makeDirectoryDurably(room);
  // For what a call left unfinished that was killed here.
  await recordNames(room, writer);
  const why = {
    reason,
    timeline: line.timeline,
    ancestors: line.ancestors.map(({ timeline, switchLsn }) => ({ timeline, to: formatLsn(switchLsn) })),
    node: claim.node,
    node_name: claim.nodeName,
    epoch: claim.epoch,
    at: new Date().toISOString(),
  };
  await createRecord(join(room, reasonName), `${JSON.stringify(why)}\n`, writer);
}

/** The quarantined files of a room, sorted; none where there is no room. */
export async function namesIn(room: string): Promise<string[]> {
  const entries = (await unlessMissing(readDirectory(room))) ?? [];
  return entries
    .map(({ name }) => name)
    .filter((name) => name !== reasonName && !name.startsWith('.'))
    .sort();
}

/** The WAL name that a kept file had in the archive: what follows it says that it is compressed, or tells it from another. */
export const walNameOfKept = (file: string): string =>
  [32, 24, 16].map((length) => file.slice(0, length)).find((each) => parseWalFileName(each) !== undefined) ??
  file;

/** The line of a timeline by the history file in the archive; undefined where that is not there. */
export async function lineInArchive(directory: string, timeline: number): Promise<Line | undefined> {
  if (timeline === 1) return { timeline, ancestors: [] };
  const path = join(directory, historyName(timeline));
  const text = await unlessMissing(readText(path, 'utf8'));
  if (text === undefined) return undefined;
  const history = parseHistory(text, timeline);
  if ('entries' in history) return { timeline, ancestors: history.entries };
  throw new ProgramError('invalid-file', `cannot use the history file ${path}: ${history.problem}`);
}
