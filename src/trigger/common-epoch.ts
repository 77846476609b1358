// One claim of a node has one epoch in all archives that it claims together: a relay carries from one of them to another on
// the owner's behalf, by the epoch of the one, and is refused where the other counts further.
import type { Report } from '../program/print-error.ts';
import { withoutSecret } from '../program/road-url.ts';
import type { ClaimRequest } from '../transport/claims.ts';
import type { ClaimOutcome } from '../transport/ownership-verbs.ts';
import type { Ownership } from '../transport/ownership.ts';
import type { At, Target } from './targets.ts';

/** How often archives that turn out to count further make the others follow. */
const mostRaises = 2;

/** The lowest epoch that a claim of an archive would have: the one it has already, if that claim would change nothing. */
function leastEpoch(
  { claim, standing }: Ownership,
  { timeline, takeOver }: ClaimRequest,
  nodeId: string,
): number {
  // It will be refused, and is no reason to raise the others.
  if (standing === 'theirs' && !takeOver) return 0;
  const isOwn = claim?.node === nodeId && claim.timeline === timeline;
  return (claim?.epoch ?? 0) + (isOwn && !(takeOver && standing === 'outdated') ? 0 : 1);
}

/**
 * The epoch for archives that stand like that, each with what is asked of it. One that has seen a higher epoch, in a claim
 * that was taken back, says so only when it is claimed.
 */
export const commonEpoch = (
  archives: readonly (readonly [Ownership, ClaimRequest])[],
  nodeId: string,
): number => Math.max(1, ...archives.map(([ownership, request]) => leastEpoch(ownership, request, nodeId)));

/** Two claims of the same archive in one run, as one. */
const joined = (first: ClaimOutcome, again: ClaimOutcome): ClaimOutcome => ({
  ...first,
  outcome: first.outcome === 'claimed' ? 'claimed' : again.outcome,
  claim: again.claim,
  quarantined: [...new Set([...first.quarantined, ...again.quarantined])].sort(),
  settled: first.settled ?? again.settled,
});

/** Claims those again that have a lower epoch than others. */
export async function raiseAll(
  claimed: readonly At<ClaimOutcome>[],
  claim: (targets: readonly Target[], epoch: number) => Promise<At<ClaimOutcome>[]>,
): Promise<Map<Target, At<ClaimOutcome>>> {
  const all = new Map(claimed.map((each) => [each.target, each]));
  for (let raises = 0; raises < mostRaises; raises++) {
    const behind = behindOthers([...all.values()]);
    if (behind.length === 0) break;
    const again = await claim(
      behind.map(({ target }) => target),
      highestOf([...all.values()]),
    );
    for (const each of again) {
      const first = all.get(each.target)!;
      if (each.value !== undefined)
        all.set(each.target, { ...each, value: joined(first.value!, each.value) });
      // Else its first claim stands, unless somebody has claimed it meanwhile.
      else if (each.fault.kind === 'fenced') all.set(each.target, each);
    }
  }
  return all;
}

const highestOf = (claimed: readonly At<ClaimOutcome>[]): number =>
  Math.max(0, ...claimed.map(({ value }) => value?.claim.epoch ?? 0));

/** An archive that this node holds by a lower epoch than others. */
export interface Behind {
  target: Target;
  epoch: number;
  highest: number;
}

/** Those that could not follow the others: their receiver is of an earlier version, or was not reached again. */
export function behindOthers(claimed: readonly At<ClaimOutcome>[]): Behind[] {
  const highest = highestOf(claimed);
  return claimed.flatMap(({ target, value }) =>
    value === undefined || value.claim.epoch >= highest
      ? []
      : [{ target, epoch: value.claim.epoch, highest }],
  );
}

/** What a person is told of one that could not follow. */
export const behindWarning = ({ target, epoch, highest }: Behind): Report => ({
  message: `${withoutSecret(target.url)} stays at epoch ${epoch}; the node's other archives are at ${highest}`,
  detail: 'A relay that carries from there on behalf of this node is refused at those.',
  hint: 'Once it can be reached and runs the same version of twowarm, run here: twowarm claim',
});
