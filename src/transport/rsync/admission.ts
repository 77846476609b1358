// Whose an archive over rsync is: .twowarm/ is fetched and read as that of a directory of this machine. What is read there
// speaks of the far side by its URL.
import { join } from 'node:path';
import { ProgramError } from '../../program/program-error.ts';
import { readText } from '../../program/system-calls.ts';
import { identifierOfContent } from '../archive-content.ts';
import { formatText, readOwner, requireSameCluster } from '../archive-identity.ts';
import { recall, recallNote, refuseExchanged, remember, requireNotEmptied } from '../known-archives.ts';
import { standingOf, type Owner, type Ownership } from '../ownership.ts';
import { walNameOf } from '../stored-form.ts';
import type { Identity } from '../transport.ts';
import { parseWalFileName } from '../../wal/filename.ts';
import type { Change } from './changes.ts';
import { fetchInto, listAll, send, type Errand } from './carrying.ts';
import { epochHeldOf } from './held-epoch.ts';
import { inRoom, writeWithin } from './rooms.ts';

/** What the archive says of itself, and what of it tells later whether that has changed. */
export interface Seen {
  owner: Owner | undefined;
  /** .twowarm/owner as it is, byte for byte; empty where there is none. */
  ownerText: string;
  ownership: Ownership;
}

const ownNames = ['.twowarm/format', '.twowarm/owner', '.twowarm/epochs/'];

/** Where a room's files are meant, the far side's are. */
export async function speakingOf<T>(room: string, url: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    const { kind, message, detail = '', hint = '', cause } = error;
    if (![message, detail, hint].some((text) => text.includes(room))) throw error;
    const meant = (text: string) => text.replaceAll(room, url) || undefined;
    throw new ProgramError(kind, meant(message)!, { detail: meant(detail), hint: meant(hint), cause });
  }
}

/** Fetches the records of ownership into the room and reads them. */
async function readSeen(room: string, identity: Identity, errand: Errand): Promise<Seen> {
  const { url } = errand.far;
  await fetchInto(room, ownNames, errand);
  const owner = await speakingOf(room, url, () => readOwner(room));
  const { nodeId } = identity;
  if (owner === undefined)
    return { owner, ownerText: '', ownership: standingOf(undefined, nodeId, undefined) };
  const ownerText = await readText(join(room, '.twowarm/owner'), 'utf8');
  const heldEpoch = epochHeldOf(url, owner.archive, identity);
  return { owner, ownerText, ownership: standingOf(owner.claim, nodeId, heldEpoch) };
}

/** How the node stands to the archive at this moment. */
export const lookForOwner = (identity: Identity, errand: Errand): Promise<Seen> =>
  inRoom(identity, (room) => readSeen(room, identity, errand));

/** Another call may have made it an archive just now: the note of it is written after its owner. */
async function lookAgainIfNoted(identity: Identity, errand: Errand): Promise<Seen> {
  const seen = await lookForOwner(identity, errand);
  const isNoted = seen.owner === undefined && recall(errand.far.url, identity) !== undefined;
  return isNoted ? lookForOwner(identity, errand) : seen;
}

/** Of another cluster, or another archive than this node has used here: refused. Remembered where it is met first. */
function meet(url: string, owner: Owner, identity: Identity): void {
  requireSameCluster(url, owner.system_identifier, identity);
  const known = recallNote(url, identity);
  if (known === undefined) remember(url, owner.archive, identity);
  else if (known.archive !== owner.archive) refuseExchanged(url, identity);
}

/** Admits a reader; a directory without an owner may be read, unless it had one when this node used it. */
export async function admitReader(identity: Identity, errand: Errand): Promise<Seen & { isVacant: boolean }> {
  const seen = await lookAgainIfNoted(identity, errand);
  const { url } = errand.far;
  if (seen.owner !== undefined) {
    meet(url, seen.owner, identity);
    return { ...seen, isVacant: false };
  }
  requireNotEmptied(url, identity);
  // What another cluster's program has put there, the inspection of each file refuses.
  const names = await inRoom(identity, (room) => listAll(room, errand));
  return { ...seen, isVacant: ![...names.keys()].some((name) => walNameOf(name) !== undefined) };
}

/** Admits a writer: an archive that nobody has used becomes this cluster's. */
export async function admitWriter(identity: Identity, errand: Errand): Promise<Seen & { isVacant: boolean }> {
  const { url } = errand.far;
  let seen = await lookAgainIfNoted(identity, errand);
  if (seen.owner === undefined) {
    requireNotEmptied(url, identity);
    seen = await inRoom(identity, (room) => adopt(room, identity, errand));
  }
  meet(url, seen.owner!, identity);
  return { ...seen, isVacant: false };
}

/** What tells a data directory, or a pg_wal, from an archive (data-directory.ts); only the directory itself is seen. */
function refuseServersDirectory(names: ReadonlyMap<string, Change>, url: string): void {
  const isData = names.has('PG_VERSION') && names.has('global');
  if (!isData && !names.has('archive_status')) return;
  const is = isData ? 'is a data directory' : 'is the pg_wal of a server';
  throw new ProgramError('settings', `cannot use ${url} as an archive: it ${is}`, {
    detail: 'What is archived there is lost with it, or removed by its server.',
    hint: 'Choose a directory outside of every data directory.',
  });
}

/** Refuses WAL of another cluster: its first segment is fetched, plain before compressed. */
async function refuseContent(
  names: ReadonlyMap<string, Change>,
  room: string,
  identity: Identity,
  errand: Errand,
): Promise<void> {
  const files = [...names].filter(([, { isFile }]) => isFile).map(([name]) => name);
  const segments = files.filter((name) => {
    const kind = parseWalFileName(walNameOf(name) ?? '')?.kind;
    return kind === 'segment' || kind === 'partial';
  });
  const first = segments.find((name) => !name.endsWith('.zst')) ?? segments[0];
  if (first === undefined) return;
  await fetchInto(room, [first], errand);
  const content = await identifierOfContent(room);
  if (content !== undefined) requireSameCluster(errand.far.url, content, identity);
}

/**
 * Makes the archive the cluster's. Of two first calls at once one record may replace the other's in the moment after it was
 * read back; then the slower node is told, by its next call, that the archive is another one than it has used.
 */
async function adopt(room: string, identity: Identity, errand: Errand): Promise<Seen> {
  const names = await listAll(room, errand);
  refuseServersDirectory(names, errand.far.url);
  await refuseContent(names, room, identity, errand);
  const { randomBytes } = await import('node:crypto');
  const owner = { archive: randomBytes(8).toString('hex'), system_identifier: identity.systemIdentifier };
  await writeWithin(room, '.twowarm/format', formatText);
  await writeWithin(room, '.twowarm/owner', `${JSON.stringify(owner)}\n`);
  await send(room, ['.twowarm/format', '.twowarm/owner'], errand);
  const seen = await lookForOwner(identity, errand);
  if (seen.owner !== undefined) return seen;
  throw new ProgramError('input-output', `could not ${errand.what} ${errand.far.url}: its owner vanished`);
}
