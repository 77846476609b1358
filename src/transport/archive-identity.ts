// Whose an archive directory is: .twowarm/format and .twowarm/owner in it, and the note that this node keeps of every
// archive it has seen, so that an unmounted disk does not look like an empty archive.
import type { Stats } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError, ProgramError } from '../program/program-error.ts';
import { readText, stat, unlessMissing } from '../program/system-calls.ts';
import { holdsWal, identifierOfContent } from './archive-content.ts';
import { recall, recallNote, refuseExchanged, remember, requireNotEmptied } from './known-archives.ts';
import { parseOwner, standingOf, type Claim, type Owner, type Ownership } from './ownership.ts';
import type { Identity } from './transport.ts';

/** What .twowarm/format says. */
export const formatText = 'twowarm archive 1\n';

/** Where an archive keeps what is not WAL. */
export const ownDirectory = (directory: string): string => join(directory, '.twowarm');
const ownerPath = (directory: string): string => join(ownDirectory(directory), 'owner');

/** Throws unless the directory is there; nothing is ever created in its place. */
export async function requireDirectory(directory: string): Promise<Stats> {
  const stats = await unlessMissing(stat(directory)).catch((error: unknown) => {
    throw fromSystemError(error, `could not open the archive directory ${directory}`);
  });
  if (stats?.isDirectory()) return stats;
  if (stats !== undefined)
    throw new ProgramError('directory-missing', `the archive directory ${directory} is not a directory`);
  throw new ProgramError('directory-missing', `the archive directory ${directory} does not exist`, {
    hint: 'If it is a mount, mount it. No program creates it: make a new one with mode 0700 as the owner of the data directory.',
  });
}

async function readOwn(directory: string, name: string): Promise<string | undefined> {
  const path = join(ownDirectory(directory), name);
  return unlessMissing(readText(path, 'utf8')).catch((error: unknown) => {
    throw fromSystemError(error, `could not read ${path}`);
  });
}

/** The owner on record; undefined for a directory that twowarm has not written to. */
export async function readOwner(directory: string): Promise<Owner | undefined> {
  // Both at the same time, but it is always the same of two faults that is told.
  const ownerRead = readOwn(directory, 'owner');
  ownerRead.catch(() => undefined);
  const format = await readOwn(directory, 'format');
  if (format !== undefined && format !== formatText) {
    throw new ProgramError('format-unknown', `${ownDirectory(directory)}/format is of an unknown version`, {
      detail: `It says "${format.trim().slice(0, 60)}"; this version knows "${formatText.trim()}".`,
    });
  }
  const owner = await ownerRead;
  return owner === undefined ? undefined : upToDate(directory, parseOwner(ownerPath(directory), owner));
}

/**
 * Of two claims the slower one may write the owner file last, and be gone before it sees that: what counts is the record of
 * the change, and whether there is a later one.
 */
async function upToDate(directory: string, owner: Owner): Promise<Owner> {
  if (owner.change === undefined) return owner;
  const next = join(ownDirectory(directory), 'epochs', String(owner.change + 1));
  if ((await unlessMissing(stat(next))) === undefined) return owner;
  const { lastChange } = await import('./changes-of-hands.ts');
  return { ...owner, claim: (await lastChange(directory))?.holder };
}

/** The claim on record: one small read, for one who has been admitted. */
export async function claimOn(directory: string): Promise<Claim | undefined> {
  const owner = await readOwn(directory, 'owner');
  if (owner === undefined) return undefined;
  return (await upToDate(directory, parseOwner(ownerPath(directory), owner))).claim;
}

/** The random name of the archive, if it has an owner. */
export const archiveNameOf = async (directory: string): Promise<string | undefined> =>
  (await readOwner(directory))?.archive;

/** Throws `wrong-cluster` unless the system identifier that was found is the node's. */
export function requireSameCluster(directory: string, found: string, identity: Identity): void {
  if (found === identity.systemIdentifier) return;
  throw new ProgramError('wrong-cluster', `the archive ${directory} belongs to another cluster`, {
    detail: `It holds WAL of system identifier ${found}; this cluster is ${identity.systemIdentifier}.`,
    hint: 'Give each cluster an archive directory of its own.',
  });
}

/** What admission saw, to be compared with what is there when the work is done. */
export interface Admission {
  /** Neither an archive nor any WAL: perhaps a disk that is not mounted. */
  isVacant: boolean;
  device: number;
  inode: number;
  /** The random name of the archive; undefined where it has no owner. */
  archiveName: string | undefined;
  /** As it was then: a claim that is made during a call counts from the next one on. */
  ownership: Ownership;
}

/** The owner, with the directory looked at meanwhile: what is wrong with the directory itself comes first. */
async function lookAt(
  directory: string,
  identity: Identity,
): Promise<{ owner: Owner | undefined; stats: Stats }> {
  const reading = readOwner(directory);
  reading.catch(() => undefined);
  const stats = await requireDirectory(directory);
  const owner = await reading;
  // Another call may have made it an archive just now: the note of it is written after its owner.
  const isNoted = owner === undefined && recall(directory, identity) !== undefined;
  return { owner: isNoted ? await readOwner(directory) : owner, stats };
}

const unowned: Ownership = { standing: 'unclaimed', claim: undefined, heldEpoch: undefined };

const admitted = (
  { dev, ino }: Stats,
  ownership: Ownership,
  archiveName?: string,
  isVacant = false,
): Admission => ({ isVacant, device: dev, inode: ino, archiveName, ownership });

/** What the node's note of an archive says about it. */
interface Acquaintance {
  isNewHere: boolean;
  ownership: Ownership;
}

/**
 * Whether this node meets the archive for the first time, and how it stands to it. Another one of the same cluster under
 * a known path is refused: the files in it are not those stored here.
 */
function meet(directory: string, owner: Owner, identity: Identity): Acquaintance {
  requireSameCluster(directory, owner.system_identifier, identity);
  const known = recallNote(directory, identity);
  if (known !== undefined && known.archive !== owner.archive) refuseExchanged(directory, identity);
  const ownership = standingOf(owner.claim, identity.nodeId, identity.heldEpoch ?? known?.epoch);
  return { isNewHere: known === undefined, ownership };
}

/** At the first use only, and so loaded only then. */
const refuseDataDirectory = async (directory: string): Promise<void> =>
  (await import('./data-directory.ts')).refuseDataDirectory(directory);

/** Admits a writer: the archive is of this cluster, or becomes so durably when it has no owner yet. */
export async function admitWriter(directory: string, identity: Identity): Promise<Admission> {
  const { owner: found, stats } = await lookAt(directory, identity);
  if (found === undefined) {
    requireNotEmptied(directory, identity);
    await refuseDataDirectory(directory);
  }
  const owner =
    found ??
    (await (await import('./adopt.ts')).adopt(directory, identity).catch((error: unknown) => {
      throw fromSystemError(error, `could not prepare the archive ${directory}`);
    }));
  const { isNewHere, ownership } = meet(directory, owner, identity);
  if (isNewHere) {
    if (found !== undefined) await refuseDataDirectory(directory);
    // The call that adopted the archive may not have lived to tidy up, nor to remember it.
    await (await import('./adopt.ts')).tidyOwn(directory, identity);
    remember(directory, owner.archive, identity);
  }
  return admitted(stats, ownership, owner.archive);
}

/** Admits a reader. A directory without an owner may be read: any cp can fill one, with this cluster's WAL. */
export async function admitReader(directory: string, identity: Identity): Promise<Admission> {
  const { owner, stats } = await lookAt(directory, identity);
  if (owner !== undefined) return admitAcquainted(directory, owner, stats, identity);
  requireNotEmptied(directory, identity);
  const content = await identifierOfContent(directory);
  if (content !== undefined) requireSameCluster(directory, content, identity);
  return admitted(stats, unowned, undefined, content === undefined && !(await holdsWal(directory)));
}

/** Admits one who removes: only to an archive that says itself that it is this cluster's. Nothing is adopted. */
export async function admitRemover(directory: string, identity: Identity): Promise<Admission> {
  const { owner, stats } = await lookAt(directory, identity);
  if (owner !== undefined) return admitAcquainted(directory, owner, stats, identity);
  requireNotEmptied(directory, identity);
  throw new ProgramError('format-unknown', `the archive directory ${directory} has no .twowarm/owner`, {
    detail: 'Whose files these are cannot be known; nothing is removed there.',
  });
}

function admitAcquainted(directory: string, owner: Owner, stats: Stats, identity: Identity): Admission {
  const { isNewHere, ownership } = meet(directory, owner, identity);
  if (isNewHere) remember(directory, owner.archive, identity);
  return admitted(stats, ownership, owner.archive);
}

/** Throws when another directory stands where the admitted one was: it was mounted over, unmounted or exchanged. */
export async function requireStillThere(directory: string, admission: Admission): Promise<void> {
  const { dev, ino } = await requireDirectory(directory);
  if (dev === admission.device && ino === admission.inode) return;
  throw new ProgramError('directory-missing', `the archive directory ${directory} was exchanged meanwhile`, {
    hint: 'It was mounted, unmounted or renamed during the call. The next call looks at it anew.',
  });
}
