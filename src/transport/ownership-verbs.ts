// The verbs of ownership for an archive that is a directory: what a road, or a receiver that was told the identity over
// the wire, calls. They are rare, so this loads only with the first of them.
import { join } from 'node:path';
import { parseWalFileName } from '../wal/filename.ts';
import { abandonedHistories, isAbandoned, quarantineAbandoned } from './abandoned.ts';
import { readOwner } from './archive-identity.ts';
import { claimArchive, releaseClaim, type Claimed, type ClaimRequest } from './claims.ts';
import { requireOwner } from './fenced.ts';
import { recallNote, rememberEpoch } from './known-archives.ts';
import { mayStore, standingOf, type Owner, type Ownership } from './ownership.ts';
import { putBackOnLine, type PutBack } from './put-back.ts';
import { lineInArchive, quarantinePast } from './quarantine.ts';
import {
  readReservation,
  reserveTimeline,
  type Reservation,
  type ReservationRequest,
} from './reservations.ts';
import type { Identity } from './transport.ts';

/** An archive as this node reaches it. */
export interface Archive {
  directory: string;
  /** For messages. */
  url: string;
  identity: Identity;
}

/** What a claim has done so that the archive has the owner's line, and no newer one. */
export interface Settled extends PutBack {
  /** Histories of timelines that a take-over abandons and that are still there, because the owner's line is not known. */
  staying: string[];
}

/** A claim that stands, and what lies in quarantine because of it. */
export interface ClaimOutcome extends Claimed {
  /** Names of files, sorted. Empty where no history was given: nothing was looked for. */
  quarantined: string[];
  /** Undefined where there was nothing to settle, or a receiver of an earlier version does not do it. */
  settled?: Settled | undefined;
}

async function ownerOf({ directory }: Archive): Promise<Owner> {
  const owner = await readOwner(directory);
  // Whoever has a road was admitted, and a reader is no claimer.
  if (owner === undefined) throw new Error(`${join(directory, '.twowarm/owner')} vanished`);
  return owner;
}

/** The epoch that the node holds there: told over the wire, else noted by it. */
const heldEpochOf = ({ directory, identity }: Archive): number | undefined =>
  identity.heldEpoch ?? recallNote(directory, identity)?.epoch;

/** How the node stands to the archive at this moment; an archive without an owner is unclaimed. */
export async function readOwnership(archive: Archive): Promise<Ownership> {
  const owner = await readOwner(archive.directory);
  return standingOf(owner?.claim, archive.identity.nodeId, heldEpochOf(archive));
}

/**
 * Claims the archive and, where the request has a history, moves what lies past its forks and puts back what belongs to the
 * line; a take-over also moves newer timelines aside. See claimArchive for faults.
 */
export async function claim(
  archive: Archive,
  request: ClaimRequest,
  signal: AbortSignal,
): Promise<ClaimOutcome> {
  signal.throwIfAborted();
  const { directory, url, identity } = archive;
  const owner = await ownerOf(archive);
  const claimed = await claimArchive(directory, url, request, identity, heldEpochOf(archive), signal);
  // Told over the wire, it is the other side that keeps it.
  if (identity.isRemote !== true) rememberEpoch(directory, owner.archive, claimed.claim.epoch, identity);
  const { history, timeline } = request;
  const line = history === undefined ? undefined : { timeline, ancestors: history };
  if (line === undefined) {
    if (!request.takeOver) return { ...claimed, quarantined: [] };
    const staying = await abandonedHistories(directory, request.timeline);
    return { ...claimed, quarantined: [], settled: { putBack: [], notPutBack: [], staying } };
  }
  if (request.takeOver) await quarantineAbandoned(directory, line, claimed.claim, identity, signal);
  const putBack = await putBackOnLine(directory, line, request.archivedBefore, signal);
  const quarantined = await quarantinePast(directory, line, claimed.claim, identity, signal);
  return { ...claimed, quarantined, settled: { ...putBack, staying: [] } };
}

/** Takes this node's claim of that epoch back if it is the last one. */
export async function release(
  { directory, identity }: Archive,
  epoch: number,
  signal: AbortSignal,
): Promise<'released' | 'not-ours'> {
  signal.throwIfAborted();
  return releaseClaim(directory, epoch, identity);
}

/** Reserves a timeline at this archive, which is the arbiter. */
export async function reserve(
  archive: Archive,
  request: ReservationRequest,
  signal: AbortSignal,
): Promise<'reserved' | 'already-reserved'> {
  signal.throwIfAborted();
  const { claim: held } = await ownerOf(archive);
  return reserveTimeline(archive.directory, archive.url, request, archive.identity, held?.epoch ?? 0);
}

/** Who has reserved the timeline here. */
export async function reservationOf(
  { directory }: Archive,
  timeline: number,
  signal: AbortSignal,
): Promise<Reservation | undefined> {
  signal.throwIfAborted();
  return readReservation(directory, timeline);
}

/**
 * For a file that got its name while the archive changed hands: past the forks of the new owner's line, if that is known yet,
 * it goes into quarantine. Throws `fenced`: the file does not count as stored, wherever it is.
 */
export async function settleLate(
  archive: Archive,
  name: string,
  what: string,
  signal: AbortSignal,
): Promise<void> {
  const ownership = await readOwnership(archive);
  if (ownership.claim === undefined || mayStore(ownership)) return;
  const { directory, url, identity } = archive;
  const line = await lineInArchive(directory, ownership.claim.timeline);
  if (line !== undefined) await quarantinePast(directory, line, ownership.claim, identity, signal);
  // A take-over has looked for it before it was there, and would have moved it.
  const { timeline } = ownership.claim;
  if (isAbandoned(name, timeline))
    await quarantineAbandoned(
      directory,
      line ?? { timeline, ancestors: [] },
      ownership.claim,
      identity,
      signal,
      name,
    );
  const late =
    'It was claimed at the very moment when the file got its name, which therefore counts for nothing.';
  requireOwner(ownership, what, url, late);
}

/** After the owner has stored a history file: if it is that of the claimed timeline, the archive learns its forks from it. */
export async function learnFromHistory(
  { directory, identity }: Archive,
  name: string,
  { claim: held }: Ownership,
  signal: AbortSignal,
): Promise<void> {
  const file = parseWalFileName(name);
  // Another timeline is an older one, or a recovery that nobody has said counts: its forks hide nothing.
  if (held === undefined || file?.kind !== 'history' || file.timeline !== held.timeline) return;
  const line = await lineInArchive(directory, held.timeline);
  if (line !== undefined) await quarantinePast(directory, line, held, identity, signal);
}
