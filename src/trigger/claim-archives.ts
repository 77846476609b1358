// Claims of archives by a node that is being promoted, or is a primary: its own archive and its destinations, all at the
// same time, each within its limit. From a claim on the old primary is refused there.
import type { ThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import { fromSystemError, ProgramError } from '../program/program-error.ts';
import { withoutSecret } from '../program/road-url.ts';
import type { ClaimRequest } from '../transport/claims.ts';
import { openDestination, openSource } from '../transport/open.ts';
import type { ClaimOutcome } from '../transport/ownership-verbs.ts';
import type { Ownership } from '../transport/ownership.ts';
import type { Transport } from '../transport/transport.ts';

/** An archive to claim. */
export interface Target {
  /** Of the destination; undefined for the node's own archive. */
  destination: string | undefined;
  url: string;
}

/** The longest talk with one archive, in ms. */
const limitMs = 10_000;
/** With one that may have gone down with the old primary, while somebody waits for the promotion. */
const briefLimitMs = 2000;

/** The node's own archive and every destination; a destination that is the own archive counts once. */
export function targetsOf({ archiveDirectory, destinations }: ThisNode['settings']): Target[] {
  const own: Target = { destination: undefined, url: `file:${archiveDirectory}` };
  const others = destinations.map(({ name, url }) => ({ destination: name, url }));
  return [own, ...others.filter(({ url }) => url !== own.url)];
}

/** 'the destination db2', for messages. */
export const wordsFor = ({ destination, url }: Target): string =>
  destination === undefined ? `the own archive ${withoutSecret(url)}` : `the destination ${destination}`;

/** What came of it at one archive. */
export type At<T> = { target: Target } & (
  { value: T; fault?: undefined } | { value?: undefined; fault: ProgramError }
);

async function atEach<T>(
  targets: readonly Target[],
  what: string,
  stop: AbortSignal,
  verb: (target: Target, signal: AbortSignal) => Promise<T>,
  isBrief = false,
): Promise<At<T>[]> {
  const one = async (target: Target): Promise<At<T>> => {
    const url = withoutSecret(target.url);
    const limit = isBrief && target.destination !== undefined ? briefLimitMs : limitMs;
    try {
      return { target, value: await bounded(`${what} ${url}`, limit, stop, (s) => verb(target, s)) };
    } catch (error) {
      const fault = fromSystemError(error, `could not ${what} ${url}`);
      if (fault instanceof ProgramError) return { target, fault };
      throw fault;
    }
  };
  const all = await Promise.allSettled(targets.map(one));
  stop.throwIfAborted();
  return all.map((each) => {
    if (each.status === 'fulfilled') return each.value;
    throw each.reason;
  });
}

async function onRoad<T>(
  { url }: Target,
  { identity }: ThisNode,
  signal: AbortSignal,
  verb: (road: Transport) => Promise<T>,
): Promise<T> {
  const road = await openDestination(url, identity, 'none', signal);
  try {
    return await verb(road);
  } finally {
    await road.close();
  }
}

/** Told how the node stands to an archive, right before it is claimed. */
type Note = (target: Target, ownership: Ownership) => void;

/**
 * Claims each of them; what is wrong with one does not keep the others from being claimed. With `before` somebody waits for
 * a promotion: a destination that does not answer is not waited for long.
 */
export function claimEach(
  targets: readonly Target[],
  request: ClaimRequest,
  node: ThisNode,
  stop: AbortSignal,
  before?: Note,
): Promise<At<ClaimOutcome>[]> {
  const verb = (target: Target, signal: AbortSignal): Promise<ClaimOutcome> =>
    onRoad(target, node, signal, async (road) => {
      before?.(target, await road.ownership(signal));
      return road.claim(request, signal);
    });
  return atEach(targets, 'claim', stop, verb, before !== undefined);
}

/** How the node stands to each of them; changes nothing. */
export function lookAtEach(
  targets: readonly Target[],
  { identity }: ThisNode,
  stop: AbortSignal,
): Promise<At<Ownership>[]> {
  const look = async (target: Target, signal: AbortSignal): Promise<Ownership> => {
    const road = await openSource(target.url, identity, signal);
    try {
      return await road.ownership(signal);
    } finally {
      await road.close();
    }
  };
  return atEach(targets, 'look into', stop, look, true);
}

/** Takes this node's claims for a timeline back, where they are the last ones. */
export function releaseEach(
  targets: readonly Target[],
  timeline: number,
  node: ThisNode,
  stop: AbortSignal,
): Promise<At<'released' | 'not-ours'>[]> {
  const release = async (road: Transport, signal: AbortSignal): Promise<'released' | 'not-ours'> => {
    const { claim } = await road.ownership(signal);
    if (claim?.node !== node.identity.nodeId || claim.timeline !== timeline) return 'not-ours';
    return road.release(claim.epoch, signal);
  };
  return atEach(targets, 'take back the claim of', stop, (target, signal) =>
    onRoad(target, node, signal, (road) => release(road, signal)),
  );
}
