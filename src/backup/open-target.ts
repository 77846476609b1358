// The data directory that is copied into: of this machine, or behind a receiver over ssh.
import type { Target } from '../copying/target.ts';
import { openNearTarget } from '../copying/near/near-target.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import type { ProgramCall } from '../program/command.ts';
import type { Chosen } from './choose.ts';

/** Whoever opens it closes it. Throws where the far side cannot be reached, or has no right to such a copy. */
export async function openTarget({ place }: Chosen, _call: ProgramCall, node: ThisNode): Promise<Target> {
  const { nodeId } = node.identity;
  if (place.kind === 'here') return openNearTarget({ directory: place.directory, allowed: 'any', nodeId });
  throw new Error('not yet');
}
