// What an archive keeps aside: segments in quarantine, and other contents of a .partial. Listing, putting back under the
// name, removing; what is in them is compare-conflict.ts. Works on the directory, so it is for the machine that has it; names from outside only ever
// choose among those that were found.
import { basename, join } from 'node:path';
import { errnoOf, ProgramError } from '../program/program-error.ts';
import {
  link,
  lstat,
  readDirectory,
  readText,
  syncPath,
  unlessMissing,
  unlink,
  unlinkIfThere,
} from '../program/system-calls.ts';
import { parseLsn } from '../wal/lsn.ts';
import { isOneFile } from './one-file.ts';
import { namesIn, quarantineIn, reasonName, walNameOfKept } from './quarantine.ts';
import { compressedPath } from './stored-form.ts';

/** One file that is kept aside. */
export interface Conflict {
  /** 'quarantine/00000002-1/000000010000000000000007', 'versions/<name>.<sha256>'. */
  id: string;
  /** The name that it had in the archive, with .zst where it is compressed. */
  name: string;
  /** The same without. */
  walName: string;
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
async function readWhy(room: string): Promise<Why | undefined> {
  try {
    const text = JSON.parse(await readText(join(room, reasonName), 'utf8')) as WhyText;
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

/** The name that a kept file had in the archive, with .zst where it is compressed. */
function archiveNameOf(file: string): string {
  const compressed = compressedPath(walNameOfKept(file));
  return file.startsWith(compressed) ? compressed : walNameOfKept(file);
}

const namesOf = (file: string) => ({ name: archiveNameOf(file), walName: walNameOfKept(file) });

async function filesOf(kind: string, room: string, why: Why | undefined): Promise<Conflict[]> {
  const names = await namesIn(room);
  const found = await Promise.all(
    names.map(async (file): Promise<Conflict[]> => {
      const path = join(room, file);
      const stats = await unlessMissing(lstat(path));
      if (stats?.isFile() !== true) return [];
      return [{ id: `${kind}/${file}`, ...namesOf(file), path, sizeBytes: stats.size, why }];
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
    found.push(...(await filesOf(`quarantine/${name}`, room, await readWhy(room))));
  }
  return [...found, ...(await filesOf('versions', join(directory, '.twowarm', 'versions'), undefined))];
}

/** The one of that id, or of that name if only one has it; a `conflict-unknown` error otherwise. */
export function findConflict(conflicts: readonly Conflict[], wanted: string): Conflict {
  const found = conflicts.filter(({ id, ...names }) => [id, names.name, names.walName].includes(wanted));
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  const message =
    first === undefined ? `nothing is kept aside as "${wanted}"` : `"${wanted}" is kept aside more than once`;
  throw new ProgramError('conflict-unknown', message, {
    detail: first === undefined ? undefined : `As ${found.map(({ id }) => id).join(', ')}.`,
    hint: 'twowarm conflicts list shows the names.',
  });
}

/** Gives a kept file its name back, durably, if that is free in both forms; a `conflict-unknown` error where it is not. */
export async function acceptConflict(directory: string, conflict: Conflict): Promise<void> {
  const { name, walName, path, id } = conflict;
  const [target, plain] = [join(directory, name), join(directory, walName)];
  const otherForm = name === walName ? compressedPath(plain) : plain;
  const requireFree = async (): Promise<void> => {
    if ((await unlessMissing(lstat(otherForm))) !== undefined) throw taken(basename(otherForm), id);
  };
  await requireFree();
  try {
    await link(path, target);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    // An earlier call that did not live to see the end.
    if (!(await isOneFile(path, target))) throw taken(name, id);
  }
  // Somebody may have stored the other form meanwhile. Whoever does looks for this one: one of the two sees both.
  await requireFree().catch(async (error: unknown) => {
    await unlinkIfThere(target);
    throw error;
  });
  await syncPath(directory);
  await unlinkIfThere(path);
  await tidy(path);
}

/** Why a kept file stays where it is: another one has its name. */
export const taken = (name: string, id: string): ProgramError =>
  new ProgramError('conflict-unknown', `cannot put ${id} back: the archive has another ${name}`, {
    detail: 'Neither was touched.',
    hint: `twowarm conflicts show ${id} says where they part. To drop the kept one: twowarm conflicts discard ${id}`,
  });

/** Removes a kept file for good. */
export async function discardConflict({ path }: Conflict): Promise<void> {
  await unlink(path);
  await tidy(path);
}

/** Makes the removal durable. A room that holds nothing any more keeps its note: it says what was there, and when. */
async function tidy(path: string): Promise<void> {
  await syncPath(join(path, '..'));
}
