// Whose an archive directory is: .twowarm/format and .twowarm/owner in it, and the note that this node keeps of every
// archive it has seen, so that an unmounted disk does not look like an empty archive.
import type { Stats } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError, ProgramError } from '../program/program-error.ts';
import { createSmallFile, ensureDirectory } from '../program/small-file.ts';
import { readText, stat, unlessMissing } from '../program/system-calls.ts';
import { removeAbandoned } from '../program/temporary-name.ts';
import { holdsWal, identifierOfContent } from './archive-content.ts';
import { recall, refuseExchanged, remember, requireNotEmptied } from './known-archives.ts';
import type { Identity } from './transport.ts';

const formatText = 'twowarm archive 1\n';
const ownDirectory = (directory: string): string => join(directory, '.twowarm');
const ownerPath = (directory: string): string => join(ownDirectory(directory), 'owner');

/** What .twowarm/owner says of an archive nobody has claimed. */
interface Owner {
  /** A random name of this archive: tells it from an empty directory in its place. */
  archive: string;
  system_identifier: string;
}

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

function parseOwner(path: string, text: string): Owner {
  let value: Partial<Record<string, unknown>> = {};
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    // An owner that cannot be read must not be taken for none; refused below.
  }
  if (typeof value?.['archive'] === 'string' && typeof value['system_identifier'] === 'string') {
    if (value['node'] === undefined) return value as unknown as Owner;
    throw new ProgramError('format-unknown', `the archive of ${path} is claimed by a node`, {
      detail: 'This version of twowarm does not know claims.',
    });
  }
  throw new ProgramError('format-unknown', `${path} is damaged or of an unknown version`);
}

/** The owner on record; undefined for a directory that twowarm has not written to. */
async function readOwner(directory: string): Promise<Owner | undefined> {
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
  return owner === undefined ? undefined : parseOwner(ownerPath(directory), owner);
}

/** The random name of the archive, if it has an owner. */
export const archiveNameOf = async (directory: string): Promise<string | undefined> =>
  (await readOwner(directory))?.archive;

function requireSameCluster(directory: string, found: string, identity: Identity): void {
  if (found === identity.systemIdentifier) return;
  throw new ProgramError('wrong-cluster', `the archive ${directory} belongs to another cluster`, {
    detail: `It holds WAL of system identifier ${found}; this cluster is ${identity.systemIdentifier}.`,
    hint: 'Give each cluster an archive directory of its own.',
  });
}

async function adopt(directory: string, identity: Identity): Promise<Owner> {
  const content = await identifierOfContent(directory);
  if (content !== undefined) requireSameCluster(directory, content, identity);
  const { randomBytes } = await import('node:crypto');
  const owner: Owner = {
    archive: randomBytes(8).toString('hex'),
    system_identifier: identity.systemIdentifier,
  };
  ensureDirectory(ownDirectory(directory));
  createSmallFile(join(ownDirectory(directory), 'format'), formatText, identity.nodeId);
  createSmallFile(ownerPath(directory), `${JSON.stringify(owner)}\n`, identity.nodeId);
  // Two first calls at once: the owner on disk is the one that counts.
  const agreed = await readOwner(directory);
  if (agreed === undefined) throw new Error(`the owner of ${directory} vanished`);
  return agreed;
}

/** What admission saw, to be compared with what is there when the work is done. */
export interface Admission {
  /** Neither an archive nor any WAL: perhaps a disk that is not mounted. */
  isVacant: boolean;
  device: number;
  inode: number;
}

/** The owner, with the directory looked at meanwhile: what is wrong with the directory itself comes first. */
async function lookAt(directory: string): Promise<{ owner: Owner | undefined; stats: Stats }> {
  const owner = readOwner(directory);
  owner.catch(() => undefined);
  const stats = await requireDirectory(directory);
  return { owner: await owner, stats };
}

const admitted = ({ dev, ino }: Stats, isVacant = false): Admission => ({
  isVacant,
  device: dev,
  inode: ino,
});

/**
 * Whether this node meets the archive for the first time. Another one of the same cluster under a known path is refused:
 * the files in it are not those stored here.
 */
function isNewHere(directory: string, owner: Owner, identity: Identity): boolean {
  requireSameCluster(directory, owner.system_identifier, identity);
  const known = recall(directory, identity);
  if (known !== undefined && known !== owner.archive) refuseExchanged(directory, identity);
  return known === undefined;
}

/** Admits a writer: the archive is of this cluster, or becomes so durably when it has no owner yet. */
export async function admitWriter(directory: string, identity: Identity): Promise<Admission> {
  const { owner: found, stats } = await lookAt(directory);
  if (found === undefined) requireNotEmptied(directory, identity);
  const owner =
    found ??
    (await adopt(directory, identity).catch((error: unknown) => {
      throw fromSystemError(error, `could not prepare the archive ${directory}`);
    }));
  if (isNewHere(directory, owner, identity)) {
    // The call that adopted the archive may not have lived to tidy up, nor to remember it.
    removeAbandoned(ownDirectory(directory), identity.nodeId);
    remember(directory, owner.archive, identity);
  }
  return admitted(stats);
}

/** Admits a reader. A directory without an owner may be read: any cp can fill one, with this cluster's WAL. */
export async function admitReader(directory: string, identity: Identity): Promise<Admission> {
  const { owner, stats } = await lookAt(directory);
  if (owner === undefined) {
    requireNotEmptied(directory, identity);
    const content = await identifierOfContent(directory);
    if (content !== undefined) requireSameCluster(directory, content, identity);
    return admitted(stats, content === undefined && !holdsWal(directory));
  }
  if (isNewHere(directory, owner, identity)) remember(directory, owner.archive, identity);
  return admitted(stats);
}

/** Admits one who removes: only to an archive that says itself that it is this cluster's. Nothing is adopted. */
export async function admitRemover(directory: string, identity: Identity): Promise<Admission> {
  const { owner, stats } = await lookAt(directory);
  if (owner === undefined) {
    requireNotEmptied(directory, identity);
    throw new ProgramError('format-unknown', `the archive directory ${directory} has no .twowarm/owner`, {
      detail: 'Whose files these are cannot be known; nothing is removed there.',
    });
  }
  if (isNewHere(directory, owner, identity)) remember(directory, owner.archive, identity);
  return admitted(stats);
}

/** Throws when another directory stands where the admitted one was: it was mounted over, unmounted or exchanged. */
export async function requireStillThere(directory: string, admission: Admission): Promise<void> {
  const { dev, ino } = await requireDirectory(directory);
  if (dev === admission.device && ino === admission.inode) return;
  throw new ProgramError('directory-missing', `the archive directory ${directory} was exchanged meanwhile`, {
    hint: 'It was mounted, unmounted or renamed during the call. The next call looks at it anew.',
  });
}
