// How an archive changes hands. .twowarm/epochs/<n> holds the n-th change, created exclusively, so that of two claims
// at once one wins each epoch; .twowarm/owner repeats the last one for the calls that only read.
//
// Only the winner of an epoch writes the owner file, and looks again afterwards whether there is a later epoch by then.
// It tells its node of the epoch last: a claim that dies on the way leaves its node without, and so without admission.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, ProgramError } from '../program/program-error.ts';
import { createSmallFile, ensureDirectory, replaceSmallFile } from '../program/small-file.ts';
import { removeAbandoned } from '../program/temporary-name.ts';
import type { HistoryEntry } from '../wal/history.ts';
import { holderOf } from './fenced.ts';
import { claimIn, claimToJson, parseOwner, standingOf, type Claim } from './ownership.ts';
import type { Identity } from './transport.ts';

export interface ClaimRequest {
  /** The timeline that the node writes to, or is about to take. */
  timeline: number;
  nodeName: string;
  /** Also from another node. */
  takeOver: boolean;
  /** Once it is known where the timeline left its ancestors, oldest first: what lies past that goes into quarantine. */
  history?: readonly HistoryEntry[];
}

export interface Claimed {
  /** `already-claimed`: by this node, for this timeline; nothing has changed. */
  outcome: 'claimed' | 'already-claimed';
  claim: Claim;
  /** From whom it was taken. */
  previous: Claim | undefined;
}

/** One change of hands: a claim, or one taken back, which restores what was before it. */
interface Change {
  epoch: number;
  holder: Claim | undefined;
  /** Who made the change. */
  node: string;
}

const ownDirectory = (directory: string): string => join(directory, '.twowarm');
const epochsIn = (directory: string): string => join(ownDirectory(directory), 'epochs');

type Fields = Partial<Record<string, unknown>>;

/** The fields of a JSON object; none of what is no such object. */
function parseObject(text: string): Fields {
  try {
    return (JSON.parse(text) as Fields | null) ?? {};
  } catch {
    return {};
  }
}

function readChange(directory: string, epoch: number): Change {
  const path = join(epochsIn(directory), String(epoch));
  const damaged = (): never => {
    throw new ProgramError('format-unknown', `${path} is damaged or of an unknown version`);
  };
  const value = parseObject(readFileSync(path, 'utf8'));
  const isRelease = typeof value['released'] === 'number';
  const holder = claimIn(isRelease ? (value['restored'] ?? {}) : value);
  const { node } = value;
  if (typeof node !== 'string' || holder === 'damaged' || (holder === undefined && !isRelease))
    return damaged();
  return { epoch, holder, node };
}

/** The last change of hands at or below `below`. */
function lastChange(directory: string, below = Infinity): Change | undefined {
  let names: string[] = [];
  try {
    names = readdirSync(epochsIn(directory));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  const epochs = names.filter((name) => /^[1-9][0-9]*$/.test(name)).map(Number);
  const last = Math.max(0, ...epochs.filter((epoch) => epoch <= below));
  return last === 0 ? undefined : readChange(directory, last);
}

/** Writes the last change of hands into the owner file; returns it. */
function install(directory: string, { nodeId }: Identity): Change {
  const path = join(ownDirectory(directory), 'owner');
  for (;;) {
    const change = lastChange(directory)!;
    const { claim, ...nobody } = parseOwner(path, readFileSync(path, 'utf8'));
    const { holder } = change;
    const isInstalled = JSON.stringify(claim) === JSON.stringify(holder);
    const owner = holder === undefined ? nobody : { ...nobody, ...claimToJson(holder) };
    if (!isInstalled) replaceSmallFile(path, `${JSON.stringify(owner)}\n`, nodeId);
    // Slower than the next one: the file must not go back to what this one saw.
    if (lastChange(directory)!.epoch === change.epoch) return change;
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

/** Writes the change durably; false when somebody else took the epoch first. */
function record(directory: string, epoch: number, change: object, { nodeId }: Identity): boolean {
  ensureDirectory(epochsIn(directory));
  removeAbandoned(epochsIn(directory), nodeId);
  removeAbandoned(ownDirectory(directory), nodeId);
  return createSmallFile(join(epochsIn(directory), String(epoch)), `${JSON.stringify(change)}\n`, nodeId);
}

/**
 * Makes the archive the node's, durably, from the next epoch on; `fenced` where it is another node's or another claim
 * has won. `heldEpoch` is what the node knows of; it has to be told of the epoch that comes back, and durably so.
 */
export function claimArchive(
  directory: string,
  url: string,
  request: ClaimRequest,
  identity: Identity,
  heldEpoch: number | undefined,
): Claimed {
  const last = lastChange(directory);
  const previous = last?.holder;
  const { standing } = standingOf(previous, identity.nodeId, heldEpoch);
  if (isOf(previous, request, identity) && !(request.takeOver && standing === 'outdated')) {
    return already(directory, url, request, identity);
  }
  if (standing === 'theirs' && !request.takeOver) refuse(url, previous);
  const { timeline, nodeName } = request;
  const epoch = (last?.epoch ?? 0) + 1;
  const claim: Claim = { timeline, node: identity.nodeId, nodeName, epoch, at: new Date().toISOString() };
  const hasWon = record(directory, epoch, claimToJson(claim), identity);
  if (!hasWon) {
    const { holder } = readChange(directory, epoch);
    // Another process of this node, with the same in mind.
    if (isOf(holder, request, identity)) return already(directory, url, request, identity);
    refuse(url, holder);
  }
  const { holder } = install(directory, identity);
  if (holder?.epoch !== epoch) refuse(url, holder);
  return { outcome: 'claimed', claim, previous };
}

/** A claim that an earlier call may not have lived to finish. */
function already(directory: string, url: string, request: ClaimRequest, identity: Identity): Claimed {
  const { holder } = install(directory, identity);
  if (holder === undefined || !isOf(holder, request, identity)) refuse(url, holder);
  return { outcome: 'already-claimed', claim: holder, previous: holder };
}

/** Takes a claim back, if it is the last one and the node's: whoever held the archive before holds it again, at his epoch. */
export function releaseClaim(directory: string, epoch: number, identity: Identity): 'released' | 'not-ours' {
  const last = lastChange(directory);
  if (last?.epoch !== epoch || last.node !== identity.nodeId) return 'not-ours';
  const restored = lastChange(directory, epoch - 1)?.holder;
  const change = {
    node: identity.nodeId,
    released: epoch,
    released_at: new Date().toISOString(),
    restored: restored === undefined ? null : claimToJson(restored),
  };
  if (!record(directory, epoch + 1, change, identity)) return 'not-ours';
  install(directory, identity);
  return 'released';
}
