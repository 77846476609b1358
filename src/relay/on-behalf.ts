// As whom a relay comes to its destinations. What it carries, the owner of its own archive has archived: it carries on
// that node's behalf, by the claim that this archive knows. An archive that somebody else has claimed since refuses it.
import type { ThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import { ProgramError } from '../program/program-error.ts';
import type { Claim } from '../transport/ownership.ts';
import type { Identity, ReadTransport } from '../transport/transport.ts';
import { openOwnArchive } from './arrivals.ts';

/** How long the own archive may take to say whose it is, in ms. */
const lookLimitMs = 10_000;

/** Another node's claim of the own archive; undefined where nobody or this node itself holds it: it acts as itself. */
export async function ownerOf(
  source: ReadTransport,
  { identity }: ThisNode,
  stop: AbortSignal,
): Promise<Claim | undefined> {
  const ask = (signal: AbortSignal) => source.ownership(signal);
  const { claim } = await bounded(`look whose ${source.url} is`, lookLimitMs, stop, ask);
  return claim?.node === identity.nodeId ? undefined : claim;
}

/** The same, where the own archive is not open. */
export async function lookForOwner(node: ThisNode, stop: AbortSignal): Promise<Claim | undefined> {
  const source = await openOwnArchive(node, stop);
  try {
    return await ownerOf(source, node, stop);
  } finally {
    await source.close();
  }
}

/** Who knocks: the owner, by the epoch of its claim here. What is written meanwhile stays this node's. */
export function onBehalfOf(owner: Claim | undefined, { identity }: ThisNode): Identity {
  if (owner === undefined) return identity;
  const { node: nodeId, nodeName, epoch: heldEpoch } = owner;
  return { ...identity, nodeId, nodeName, heldEpoch, writer: identity.nodeId };
}

/** Of a destination that refuses: what cures it is not what a primary has to do. Other faults stay what they are. */
export function explained(fault: unknown, owner: Claim | undefined, { settings }: ThisNode): unknown {
  if (!(fault instanceof ProgramError) || fault.kind !== 'fenced') return fault;
  const { archiveDirectory } = settings;
  const whose =
    owner === undefined
      ? `This relay acts as itself, for no other node has claimed ${archiveDirectory}.`
      : `This relay carries for ${owner.nodeName} (${owner.node}), which holds ${archiveDirectory} since epoch ${owner.epoch}.`;
  return new ProgramError('fenced', fault.message, {
    detail: fault.detail,
    hint: `${whose} If the node that holds the destination is the primary, let it claim both archives at once: twowarm claim. Those that are no destinations of it are named by their URLs.`,
    cause: fault,
  });
}
