// What an archive keeps aside: segments in quarantine, and other contents of a .partial. Listing, comparing, putting back
// under the name, removing. Works on the directory, so it is for the machine that has it; names from outside only ever
// choose among those that were found.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, ProgramError } from '../program/program-error.ts';
import { syncDirectory } from '../program/small-file.ts';
import {
  closeFile,
  link,
  lstat,
  readDirectory,
  unlessMissing,
  unlink,
  unlinkIfThere,
} from '../program/system-calls.ts';
import { parseWalFileName } from '../wal/filename.ts';
import { parseLsn } from '../wal/lsn.ts';
import { compareBytes, openRegular } from './copy.ts';
import { alreadyInspected } from './publish.ts';
import { namesIn, quarantineIn, reasonName } from './quarantine.ts';

/** One file that is kept aside. */
export interface Conflict {
  /** 'quarantine/00000002-1/000000010000000000000007', 'versions/<name>.<sha256>'. */
  id: string;
  /** The name that it had in the archive. */
  name: string;
  path: string;
  sizeBytes: number;
  /** Of a quarantined file: why it is there; undefined for a version. */
  why: Why | undefined;
}

/** Why a room of the quarantine was made. */
export interface Why {
  timeline: number;
  /** The ancestors of the timeline, each with the LSN up to which it counts. */
  ancestors: { timeline: number; switchLsn: bigint }[];
  nodeName: string;
  epoch: number;
  /** ISO 8601, UTC. */
  at: string;
}

interface WhyText {
  timeline: number;
  ancestors: { timeline: number; to: string }[];
  node_name: string;
  epoch: number;
  at: string;
}

/** The note of a room; undefined where it is missing or damaged: the files are there all the same. */
function readWhy(room: string): Why | undefined {
  try {
    const text = JSON.parse(readFileSync(join(room, reasonName), 'utf8')) as WhyText;
    const { timeline, epoch, at, node_name: nodeName } = text;
    const ancestors = text.ancestors.map(({ timeline: from, to }) => ({
      timeline: from,
      switchLsn: parseLsn(to) ?? 0n,
    }));
    return { timeline, ancestors, nodeName, epoch, at };
  } catch (error) {
    if (errnoOf(error) !== undefined && errnoOf(error) !== 'ENOENT') throw error;
    return undefined;
  }
}

/** The name that a kept file had in the archive: what follows a WAL name, but for .zst, tells it from another of that name. */
function archiveNameOf(file: string): string {
  const whole = [32, 24].map((length) => file.slice(0, length));
  const name = whole.find((each) => parseWalFileName(each) !== undefined) ?? file;
  return file.startsWith(`${name}.zst`) ? `${name}.zst` : name;
}

async function filesOf(kind: string, room: string, why: Why | undefined): Promise<Conflict[]> {
  const names = await namesIn(room);
  const found = await Promise.all(
    names.map(async (file): Promise<Conflict[]> => {
      const path = join(room, file);
      const stats = await unlessMissing(lstat(path));
      if (stats?.isFile() !== true) return [];
      return [{ id: `${kind}/${file}`, name: archiveNameOf(file), path, sizeBytes: stats.size, why }];
    }),
  );
  return found.flat();
}

/** Everything that is kept aside, by id. */
export async function listConflicts(directory: string): Promise<Conflict[]> {
  const quarantine = quarantineIn(directory);
  const rooms = (await unlessMissing(readDirectory(quarantine))) ?? [];
  const found: Conflict[] = [];
  for (const { name } of rooms.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const room = join(quarantine, name);
    found.push(...(await filesOf(`quarantine/${name}`, room, readWhy(room))));
  }
  return [...found, ...(await filesOf('versions', join(directory, '.twowarm', 'versions'), undefined))];
}

/** The one of that id, or of that name if only one has it; a `conflict-unknown` error otherwise. */
export function findConflict(conflicts: readonly Conflict[], wanted: string): Conflict {
  const found = conflicts.filter(({ id, name }) => id === wanted || name === wanted);
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  const message =
    first === undefined ? `nothing is kept aside as "${wanted}"` : `"${wanted}" is kept aside more than once`;
  throw new ProgramError('conflict-unknown', message, {
    detail: first === undefined ? undefined : `As ${found.map(({ id }) => id).join(', ')}.`,
    hint: 'twowarm conflicts list shows the names.',
  });
}

/** How a kept file compares with the archive's file of the same name. */
export type Comparison =
  | { counterpart: 'none' }
  | { counterpart: 'identical' }
  /** They part at this byte; where one is the beginning of the other, at its end. */
  | { counterpart: 'different'; differsAt: number; sizeBytes: number };

/** Compares the two. */
export async function compareConflict(
  directory: string,
  { name, path }: Conflict,
  signal: AbortSignal,
): Promise<Comparison> {
  const other = await unlessMissing(openRegular(join(directory, name)));
  if (other === undefined || other === 'not a file') return { counterpart: 'none' };
  try {
    const kept = await openRegular(path);
    if (kept === 'not a file') throw new ProgramError('input-output', `${path} is not a regular file`);
    try {
      const at = await compareBytes(kept.descriptor, other.descriptor, alreadyInspected, signal);
      if (at === 'identical') return { counterpart: 'identical' };
      return { counterpart: 'different', differsAt: at, sizeBytes: other.stats.size };
    } finally {
      await closeFile(kept.descriptor);
    }
  } finally {
    await closeFile(other.descriptor);
  }
}

/** Gives a kept file its name back, durably, if that is free; a `conflict-unknown` error where it is not. */
export async function acceptConflict(directory: string, { name, path, id }: Conflict): Promise<void> {
  const target = join(directory, name);
  try {
    await link(path, target);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    const [kept, there] = await Promise.all([lstat(path), unlessMissing(lstat(target))]);
    // An earlier call that did not live to see the end.
    if (there?.dev !== kept.dev || there.ino !== kept.ino) throw taken(name, id);
  }
  syncDirectory(directory);
  await unlinkIfThere(path);
  tidy(path);
}

const taken = (name: string, id: string): ProgramError =>
  new ProgramError('conflict-unknown', `cannot put ${id} back: the archive has another ${name}`, {
    detail: 'Neither was touched.',
    hint: `twowarm conflicts show ${id} says where they part. To drop the kept one: twowarm conflicts discard ${id}`,
  });

/** Removes a kept file for good. */
export async function discardConflict({ path }: Conflict): Promise<void> {
  await unlink(path);
  tidy(path);
}

/** Makes the removal durable. A room that holds nothing any more keeps its note: it says what was there, and when. */
function tidy(path: string): void {
  syncDirectory(join(path, '..'));
}
