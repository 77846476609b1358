// The words for a node that may not store files in an archive, because that belongs to another one. Loaded only for it.
import { ProgramError } from '../program/program-error.ts';
import type { Claim, Ownership } from './ownership.ts';

/** 'Node db2 (0123…) holds it on timeline 2, epoch 1, since …' */
export const holderOf = ({ node, nodeName, timeline, epoch, at }: Claim): string =>
  `Node ${nodeName} (${node}) holds it on timeline ${timeline}, epoch ${epoch}, since ${at}`;

/** Throws `fenced` unless the archive takes files from this node; `what` is the end of "cannot …". */
export function requireOwner(
  { standing, claim, heldEpoch }: Ownership,
  what: string,
  url: string,
  rest = 'Nothing was stored.',
): void {
  if (claim === undefined || standing === 'ours') return;
  if (standing === 'theirs') {
    throw new ProgramError('fenced', `cannot ${what} at ${url}: the archive belongs to another node`, {
      detail: `${holderOf(claim)}. ${rest}`,
      hint: `If ${claim.nodeName} is the primary now, stop this server: it is a second one. If this one is a restored copy, set archive_mode = off in it. If this one is the primary: twowarm claim --take-over ${url}`,
    });
  }
  const held = heldEpoch === undefined ? 'knows of none of its own' : `knows of epoch ${heldEpoch}`;
  throw new ProgramError('fenced', `cannot ${what} at ${url}: this node's claim is not the last one`, {
    detail: `${holderOf(claim)}; this call, under the same id, ${held}. ${rest}`,
    hint: `A copy of this node may be at work. If this one is the primary: twowarm claim --take-over ${url}`,
  });
}
