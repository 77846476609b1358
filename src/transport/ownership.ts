// Whom an archive belongs to: the claim in its .twowarm/owner, and how a node stands to it. Every call
// reads this; the words for one who may not store there (fenced.ts) and how claims come about (claims.ts) load only then.
import { ProgramError } from '../program/program-error.ts';

/** One node's hold on an archive. Every change of hands has an epoch of its own, counted from 1. */
export interface Claim {
  timeline: number;
  /** The 16 hexadecimal digits of the node's record. */
  node: string;
  nodeName: string;
  epoch: number;
  /** ISO 8601, UTC, by the clock of whoever made the claim durable. */
  at: string;
}

/** What .twowarm/owner says. */
export interface Owner {
  /** A random name of this archive: tells it from an empty directory in its place. */
  archive: string;
  system_identifier: string;
  /** Undefined: nobody has claimed it, and every node of its cluster may store there. */
  claim: Claim | undefined;
  /** The number of the change of hands that it repeats; undefined before the first one, and from an earlier version. */
  change?: number;
}

/** `outdated`: claimed by this node, but by a later claim than the last one it knows of, so perhaps by a copy of it. */
export type Standing = 'unclaimed' | 'ours' | 'outdated' | 'theirs';

/** How a node stands to an archive. */
export interface Ownership {
  standing: Standing;
  claim: Claim | undefined;
  /** The epoch that the node holds there, as far as it knows. */
  heldEpoch: number | undefined;
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 1;

/** The claim in a parsed JSON object; undefined where there is none, 'damaged' where there is half of one. */
export function claimIn(value: Partial<Record<string, unknown>>): Claim | 'damaged' | undefined {
  const { node, node_name: nodeName, timeline, epoch, claimed_at: at } = value;
  const parts = [node, nodeName, timeline, epoch, at];
  if (parts.every((part) => part === undefined)) return undefined;
  if (!isText(node) || !isText(nodeName) || !isText(at) || !isCount(timeline) || !isCount(epoch))
    return 'damaged';
  return { timeline, node, nodeName, epoch, at };
}

/** The claim as it stands in a file. */
export const claimToJson = ({ timeline, node, nodeName, epoch, at }: Claim) => ({
  timeline,
  node,
  node_name: nodeName,
  epoch,
  claimed_at: at,
});

/** The text of .twowarm/owner taken apart; a `format-unknown` error when it cannot be: it must not pass for nobody's. */
export function parseOwner(path: string, text: string): Owner {
  let value: Partial<Record<string, unknown>> | null = {};
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    // Refused below.
  }
  const claim = claimIn(value ?? {});
  if (isText(value?.['archive']) && isText(value['system_identifier']) && claim !== 'damaged') {
    const { archive, system_identifier, change } = value;
    return { archive, system_identifier, claim, ...(isCount(change) && { change }) };
  }
  throw new ProgramError('format-unknown', `${path} is damaged or of an unknown version`);
}

export const isSameClaim = (one: Claim | undefined, other: Claim | undefined): boolean =>
  one?.node === other?.node && one?.epoch === other?.epoch;

/** How the node with that id stands, holding that epoch. */
export function standingOf(
  claim: Claim | undefined,
  nodeId: string,
  heldEpoch: number | undefined,
): Ownership {
  if (claim === undefined) return { standing: 'unclaimed', claim, heldEpoch };
  if (claim.node !== nodeId) return { standing: 'theirs', claim, heldEpoch };
  return { standing: (heldEpoch ?? 0) >= claim.epoch ? 'ours' : 'outdated', claim, heldEpoch };
}

/** Whether the archive takes files from the node that stands to it like that. */
export const mayStore = ({ standing }: Ownership): boolean => standing === 'unclaimed' || standing === 'ours';
