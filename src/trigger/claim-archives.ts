// Claims of archives by a node that is being promoted, or is a primary: its own archive and its destinations, all at the
// same time, each within its limit. From a claim on the old primary is refused there.
import type { ThisNode } from '../postgres/this-node.ts';
import { endFailing } from '../program/destination-notes.ts';
import { bounded } from '../program/bounded.ts';
import { fromSystemError, ProgramError } from '../program/program-error.ts';
import { withoutSecret } from '../program/road-url.ts';
import type { ClaimRequest } from '../transport/claims.ts';
import { mayLackAt } from '../transport/lacks.ts';
import { openDestination, openToLook } from '../transport/open.ts';
import type { ClaimOutcome } from '../transport/ownership-verbs.ts';
import type { Ownership } from '../transport/ownership.ts';
import type { Transport } from '../transport/transport.ts';
import { commonEpoch, raiseAll } from './common-epoch.ts';
import type { At, Target } from './targets.ts';

/** The longest talk with one archive, in ms. */
const limitMs = 10_000;
/** With one that may have gone down with the old primary, while somebody waits for the promotion. */
const briefLimitMs = 2000;

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
  { identity, settings }: ThisNode,
  signal: AbortSignal,
  verb: (road: Transport) => Promise<T>,
): Promise<T> {
  const mayLack = mayLackAt(url, settings.destinations);
  const road = await openDestination(url, identity, { mayLack }, signal);
  try {
    return await verb(road);
  } finally {
    await road.close();
  }
}

/** Told how the node stands to an archive, before it is claimed. */
type Note = (target: Target, ownership: Ownership) => void;

/** What is asked of an archive. */
export type RequestOf = (target: Target) => ClaimRequest;

/**
 * Claims each of them, all at one epoch; what is wrong with one does not keep the others from being claimed. With `before`
 * somebody waits for a promotion: a destination that does not answer is not waited for long.
 */
export async function claimEach(
  targets: readonly Target[],
  requestOf: RequestOf,
  node: ThisNode,
  stop: AbortSignal,
  before?: Note,
): Promise<At<ClaimOutcome>[]> {
  const [isBrief, { nodeId }] = [before !== undefined, node.identity];
  const look = (target: Target, signal: AbortSignal): Promise<Ownership> =>
    onRoad(target, node, signal, (road) => road.ownership(signal));
  const looks = await atEach(targets, 'claim', stop, look, isBrief);
  const seen = looks.flatMap((each) => (each.value === undefined ? [] : [each]));
  const atLeast = commonEpoch(
    seen.map(({ target, value }) => [value, requestOf(target)]),
    nodeId,
  );
  for (const { target, value } of seen) before?.(target, value);
  const claim = (which: readonly Target[], request: RequestOf): Promise<At<ClaimOutcome>[]> =>
    atEach(
      which,
      'claim',
      stop,
      (target, signal) => onRoad(target, node, signal, (road) => road.claim(request(target), signal)),
      isBrief,
    );
  const reached = seen.map(({ target }) => target);
  const claimed = await claim(reached, (target) => ({ ...requestOf(target), atLeast }));
  const raised = await raiseAll(claimed, (which, epoch) =>
    claim(which, (target) => ({ ...requestOf(target), takeOver: false, atLeast: epoch })),
  );
  const answers = looks.map((each) => (each.value === undefined ? each : raised.get(each.target)!));
  // Whoever can be claimed works: what was noted of a refusal before is over.
  for (const { target, value } of answers)
    if (value !== undefined && target.destination !== undefined)
      endFailing(node.settings.home, target.destination);
  return answers;
}

/** How the node stands to each of them; changes nothing. */
export function lookAtEach(
  targets: readonly Target[],
  { identity }: ThisNode,
  stop: AbortSignal,
): Promise<At<Ownership>[]> {
  const look = async (target: Target, signal: AbortSignal): Promise<Ownership> => {
    const road = await openToLook(target.url, identity, signal);
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
