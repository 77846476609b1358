// Whose an archive directory is: .twowarm/format and .twowarm/owner in it, and the note that this node keeps of every
// archive it has seen, so that an unmounted disk does not look like an empty archive.
import { closeSync, opendirSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError, ProgramError } from '../program/program-error.ts';
import { createSmallFile, ensureDirectory } from '../program/small-file.ts';
import { readText, stat, unlessMissing } from '../program/system-calls.ts';
import { removeAbandoned } from '../program/temporary-name.ts';
import { parseWalFileName, type WalFileName } from '../wal/filename.ts';
import { parseLongPageHeader } from '../wal/page-header.ts';
import { recall, remember, requireNotEmptied } from './known-archives.ts';
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
export async function requireDirectory(directory: string): Promise<void> {
  const stats = await unlessMissing(stat(directory)).catch((error: unknown) => {
    throw fromSystemError(error, `could not open the archive directory ${directory}`);
  });
  if (stats?.isDirectory()) return;
  const what = stats === undefined ? 'does not exist' : 'is not a directory';
  throw new ProgramError('directory-missing', `the archive directory ${directory} ${what}`, {
    hint: 'No program creates it: a missing mount would look like an empty archive. Create it with mode 0700.',
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
  const [format, owner] = await Promise.all([readOwn(directory, 'format'), readOwn(directory, 'owner')]);
  if (format !== undefined && format !== formatText) {
    throw new ProgramError('format-unknown', `${ownDirectory(directory)}/format is of an unknown version`, {
      detail: `It says "${format.trim().slice(0, 60)}"; this version knows "${formatText.trim()}".`,
    });
  }
  return owner === undefined ? undefined : parseOwner(ownerPath(directory), owner);
}

function requireSameCluster(directory: string, found: string, identity: Identity): void {
  if (found === identity.systemIdentifier) return;
  throw new ProgramError('wrong-cluster', `the archive ${directory} belongs to another cluster`, {
    detail: `It holds WAL of system identifier ${found}; this cluster is ${identity.systemIdentifier}.`,
    hint: 'Give each cluster an archive directory of its own.',
  });
}

// How far a directory is searched for one segment before it is adopted; it may hold a million names.
const adoptionLook = 1000;

const hasHeader = (name: WalFileName | undefined): boolean =>
  name?.kind === 'segment' || name?.kind === 'partial';

/** The system identifier in the first segment that turns up in a directory without an owner. */
function identifierOfContent(directory: string): string | undefined {
  const entries = opendirSync(directory);
  try {
    for (let looked = 0; looked < adoptionLook; looked++) {
      const entry = entries.readSync();
      if (entry === null) return undefined;
      if (!hasHeader(parseWalFileName(entry.name)) || !entry.isFile()) continue;
      const bytes = Buffer.alloc(40);
      const descriptor = openSync(join(directory, entry.name), 'r');
      const length = readSync(descriptor, bytes, 0, bytes.length, 0);
      closeSync(descriptor);
      const header = parseLongPageHeader(bytes.subarray(0, length));
      if (!('problem' in header) && !header.newer) return header.systemIdentifier.toString();
    }
    return undefined;
  } finally {
    entries.closeSync();
  }
}

async function adopt(directory: string, identity: Identity): Promise<Owner> {
  const content = identifierOfContent(directory);
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

/** The owner, with the directory looked at meanwhile: what is wrong with the directory itself comes first. */
async function lookAt(directory: string): Promise<Owner | undefined> {
  const owner = readOwner(directory);
  owner.catch(() => undefined);
  await requireDirectory(directory);
  return owner;
}

/** Admits a writer: the archive is of this cluster, or becomes so durably when it has no owner yet. */
export async function admitWriter(directory: string, identity: Identity): Promise<void> {
  const found = await lookAt(directory);
  const known = recall(directory, identity);
  if (found === undefined) requireNotEmptied(directory, identity);
  const owner =
    found ??
    (await adopt(directory, identity).catch((error: unknown) => {
      throw fromSystemError(error, `could not prepare the archive ${directory}`);
    }));
  requireSameCluster(directory, owner.system_identifier, identity);
  if (owner.archive === known) return;
  // The call that adopted the archive may not have lived to tidy up, nor to remember it.
  removeAbandoned(ownDirectory(directory), identity.nodeId);
  remember(directory, owner.archive, identity);
}

/** Admits a reader. A directory without an owner may be read: any cp can fill one. */
export async function admitReader(directory: string, identity: Identity): Promise<void> {
  const owner = await lookAt(directory);
  const known = recall(directory, identity);
  if (owner === undefined) return requireNotEmptied(directory, identity);
  requireSameCluster(directory, owner.system_identifier, identity);
  if (owner.archive !== known) remember(directory, owner.archive, identity);
}
