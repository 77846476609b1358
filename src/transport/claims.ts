// How an archive changes hands. .twowarm/epochs/<n> holds the n-th change, created exclusively, so that of two claims
// at once one wins each change; .twowarm/owner repeats the last one for the calls that only read.
//
// Changes are counted without a gap, which is what decides between two claims; the epoch is a number inside. It only
// grows, and may leap: the archives that a node claims together get the same one. An earlier version takes n for the epoch.
//
// Only the winner of a change writes the owner file, and looks again afterwards whether there is a later one by then. A
// slower winner may still write it last and die: so who reads it looks for a record after the one that it repeats.
// It tells its node of the epoch last: a claim that dies on the way leaves its node without, and so without admission.
import { join } from 'node:path';
import { ProgramError } from '../program/program-error.ts';
import { readText } from '../program/system-calls.ts';
import type { HistoryEntry } from '../wal/history.ts';
import { lastChange, readChange, record, type Change } from './changes-of-hands.ts';
import { holderOf } from './fenced.ts';
import { claimToJson, parseOwner, standingOf, type Claim } from './ownership.ts';
import { recordNames, replaceRecord } from './record-file.ts';
import type { Identity } from './transport.ts';

export interface ClaimRequest {
  /** The timeline that the node writes to, or is about to take. */
  timeline: number;
  nodeName: string;
  /** Also from another node. */
  takeOver: boolean;
  /** The epoch to begin, where the archive has not seen a higher one; a lower one of this node is raised to it. */
  atLeast?: number;
  /** Once it is known where the timeline left its ancestors, oldest first: what lies past that goes into quarantine. */
  history?: readonly HistoryEntry[];
  /** The LSN before which the node has archived its own timeline for good. */
  archivedBefore?: bigint;
}

export interface Claimed {
  /** `already-claimed`: by this node, for this timeline, at no lower epoch; nothing has changed. */
  outcome: 'claimed' | 'already-claimed';
  claim: Claim;
  /** From whom it was taken. */
  previous: Claim | undefined;
}

/** Epochs end here: what is asked for beyond it would leave no room to count on. */
export const highestEpoch = 2 ** 48;

/** Writes the last change of hands into the owner file; returns it. */
async function install(directory: string, { nodeId }: Identity): Promise<Change> {
  const own = join(directory, '.twowarm');
  const path = join(own, 'owner');
  // For what a call left unfinished that was killed here.
  await recordNames(own, nodeId);
  for (;;) {
    const change = (await lastChange(directory))!;
    const { claim, ...rest } = parseOwner(path, await readText(path, 'utf8'));
    const { holder, number } = change;
    const isInstalled = JSON.stringify(claim) === JSON.stringify(holder) && rest.change === number;
    const nobody = { ...rest, change: number };
    const owner = holder === undefined ? nobody : { ...nobody, ...claimToJson(holder) };
    if (!isInstalled) await replaceRecord(path, `${JSON.stringify(owner)}\n`, nodeId);
    // Slower than the next one: the file must not go back to what this one saw.
    if ((await lastChange(directory))!.number === change.number) return change;
  }
}

function refuse(url: string, claim: Claim | undefined): never {
  const held = claim === undefined ? 'A claim of it was just taken back' : holderOf(claim);
  throw new ProgramError('fenced', `cannot claim ${url}: it belongs to another node`, {
    detail: `${held}. Nothing was changed.`,
    hint: `If that node is no primary and will be none: twowarm claim --take-over ${url}`,
  });
}

const isOf = (holder: Claim | undefined, { timeline }: ClaimRequest, { nodeId }: Identity): boolean =>
  holder?.node === nodeId && holder.timeline === timeline;

/** Whether the last change leaves nothing to claim; throws where it is another node's. */
function isDone(
  last: Change | undefined,
  url: string,
  request: ClaimRequest,
  identity: Identity,
  heldEpoch: number | undefined,
): boolean {
  const { takeOver, atLeast = 0 } = request;
  const { standing } = standingOf(last?.holder, identity.nodeId, heldEpoch);
  if (standing === 'theirs' && !takeOver) refuse(url, last?.holder);
  if (!isOf(last?.holder, request, identity) || (takeOver && standing === 'outdated')) return false;
  return last!.holder!.epoch >= atLeast;
}

/**
 * Makes the archive the node's, durably, from a new epoch on; `fenced` where it is another node's or another claim
 * has won. `heldEpoch` is what the node knows of; it has to be told of the epoch that comes back, and durably so.
 */
export async function claimArchive(
  directory: string,
  url: string,
  request: ClaimRequest,
  identity: Identity,
  heldEpoch: number | undefined,
  signal: AbortSignal,
): Promise<Claimed> {
  const { timeline, nodeName, atLeast = 0 } = request;
  if (atLeast > highestEpoch)
    throw new ProgramError('usage', `cannot claim ${url}: there is no epoch ${atLeast}`);
  const last = await lastChange(directory);
  const previous = last?.holder;
  if (isDone(last, url, request, identity, heldEpoch)) return already(directory, url, request, identity);
  const number = (last?.number ?? 0) + 1;
  const epoch = Math.max(number, (last?.highest ?? 0) + 1, atLeast);
  const claim: Claim = { timeline, node: identity.nodeId, nodeName, epoch, at: new Date().toISOString() };
  // The last moment: whoever asks may have given up meanwhile, and will claim nothing then.
  signal.throwIfAborted();
  if (!(await record(directory, number, claimToJson(claim), identity))) {
    const { holder } = await readChange(directory, number);
    if (!isOf(holder, request, identity)) refuse(url, holder);
    // Another process of this node, with the same in mind; perhaps at a lower epoch.
    return claimArchive(directory, url, request, identity, holder?.epoch, signal);
  }
  const { holder } = await install(directory, identity);
  if (holder?.epoch !== epoch) refuse(url, holder);
  return { outcome: 'claimed', claim, previous };
}

/** A claim that an earlier call may not have lived to finish. */
async function already(
  directory: string,
  url: string,
  request: ClaimRequest,
  identity: Identity,
): Promise<Claimed> {
  const { holder } = await install(directory, identity);
  if (holder === undefined || !isOf(holder, request, identity)) refuse(url, holder);
  return { outcome: 'already-claimed', claim: holder, previous: holder };
}

/**
 * Takes a claim back, if it is the last one and the node's: whoever held the archive before holds it again, at his epoch.
 * What the node has claimed for the same timeline in several steps goes back as one.
 */
export async function releaseClaim(
  directory: string,
  epoch: number,
  identity: Identity,
): Promise<'released' | 'not-ours'> {
  const last = await lastChange(directory);
  if (last?.holder?.epoch !== epoch || last.node !== identity.nodeId || last.isRelease) return 'not-ours';
  const restored = await holderBefore(directory, last);
  const change = {
    node: identity.nodeId,
    released: epoch,
    released_at: new Date().toISOString(),
    restored: restored === undefined ? null : claimToJson(restored),
  };
  if (!(await record(directory, last.number + 1, change, identity))) return 'not-ours';
  await install(directory, identity);
  return 'released';
}

/** The holder before the node's run of claims of one timeline: to raise its epoch a node claims again. */
async function holderBefore(directory: string, { number, node, holder }: Change): Promise<Claim | undefined> {
  for (let before = number - 1; before > 0; before--) {
    const change = await readChange(directory, before);
    const isRaised =
      !change.isRelease && change.node === node && change.holder?.timeline === holder?.timeline;
    if (!isRaised) return change.holder;
  }
  return undefined;
}
