// The archives that this node has used: <home>/state/archives/ keeps the random name of each, so that an unmounted disk
// does not look like an empty archive. Whose an archive is, it says itself (archive-identity.ts).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, fromSystemError, ProgramError } from '../program/program-error.ts';
import { readRoadUrl } from '../program/road-url.ts';
import { ensureDirectory, replaceSmallFile } from '../program/small-file.ts';
import { removeAbandoned } from '../program/temporary-name.ts';
import type { Identity } from './transport.ts';
import { writerOf } from './writer.ts';

/** Leaves room for what temporary names add, within the 255 bytes of a file name. */
const longestNote = 120;

/** A short sum of a text that is too long to be a name (FNV-1a, 32 bits). */
function sumOf(text: string): string {
  let sum = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) sum = Math.imul(sum ^ text.charCodeAt(at), 0x01000193);
  return (sum >>> 0).toString(16);
}

/** A directory as the name of a small file about it. */
export function noteNameOf(directory: string): string {
  const name = encodeURIComponent(directory);
  return name.length <= longestNote ? name : `${name.slice(0, 60)}~${sumOf(name)}~${name.slice(-40)}`;
}

const noteOf = (directory: string, { stateDirectory, memory, archiveUrl }: Identity): string =>
  memory?.note ?? noteAbout(archiveUrl ?? directory, stateDirectory);

/** What the note of an archive goes by: its directory, or over a network its URL. */
export function noteKeyOf(url: string): string {
  const road = readRoadUrl(url);
  return road.kind === 'directory' ? road.directory : url;
}

/** The small file in which a node keeps the name of an archive, by its key (noteKeyOf). */
export const noteAbout = (archive: string, stateDirectory: string): string =>
  join(stateDirectory, 'archives', noteNameOf(archive));

/** What this node has noted of an archive. */
export interface Note {
  /** The random name that it had when this node last used it. */
  archive: string;
  /** The epoch of the node's own last claim of it. */
  epoch: number | undefined;
}

/** The note of an archive; undefined for one that this node has never seen. */
export function recallNote(directory: string, identity: Identity): Note | undefined {
  // Of a node on the far side of a road: it has said what it remembers.
  if (identity.memory !== undefined) {
    const { archive } = identity.memory;
    return archive === undefined ? undefined : { archive, epoch: identity.heldEpoch };
  }
  const note = noteOf(directory, identity);
  try {
    const [archive = '', epoch] = readFileSync(note, 'latin1').trim().split(' ');
    return { archive, epoch: epoch === undefined ? undefined : Number(epoch) };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    // Taken for "never seen", it would let an empty directory pass for the archive.
    throw fromSystemError(error, `could not read ${note}`);
  }
}

/** The random name that the archive had when this node last used it. */
export const recall = (directory: string, identity: Identity): string | undefined =>
  recallNote(directory, identity)?.archive;

/** Keeps the archive's random name. A home that is full or read-only only loses the safeguard, not the file. */
export function remember(directory: string, archive: string, identity: Identity): void {
  if (identity.dryRun === true || identity.memory !== undefined) return;
  try {
    writeNote(directory, { archive, epoch: undefined }, identity);
  } catch (error) {
    if (!(error instanceof ProgramError) && errnoOf(error) === undefined) throw error;
  }
}

/** Keeps the epoch of a claim, durably: a node that does not know its epoch is not admitted. It never goes back. */
export function rememberEpoch(directory: string, archive: string, epoch: number, identity: Identity): void {
  const known = recallNote(directory, identity);
  if (known?.archive === archive && (known.epoch ?? 0) >= epoch) return;
  writeNote(directory, { archive, epoch }, identity);
}

function writeNote(directory: string, { archive, epoch }: Note, identity: Identity): void {
  ensureDirectory(join(identity.stateDirectory, 'archives'));
  removeAbandoned(join(identity.stateDirectory, 'archives'));
  const text = epoch === undefined ? archive : `${archive} ${epoch}`;
  replaceSmallFile(noteOf(directory, identity), `${text}\n`, writerOf(identity));
}

/** Refuses a directory without an owner where this node has seen an archive. */
export function requireNotEmptied(directory: string, identity: Identity): void {
  if (recall(directory, identity) === undefined) return;
  throw new ProgramError('directory-missing', `the archive ${directory} has lost its .twowarm`, {
    detail: 'This node has seen it there before: an unmounted disk leaves an empty directory like this one.',
    hint: `Mount it. If it was emptied on purpose, remove ${noteOf(directory, identity)}.`,
  });
}

/** Refuses another archive of the same cluster in the place of the one this node has used. */
export function refuseExchanged(directory: string, identity: Identity): never {
  throw new ProgramError(
    'directory-missing',
    `the archive ${directory} is another one than this node has used there`,
    {
      detail: 'Both belong to this cluster, but what was stored in the one is not in the other.',
      hint: `Mount the right disk. If it was replaced on purpose, remove ${noteOf(directory, identity)}.`,
    },
  );
}
