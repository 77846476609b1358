// twowarm claim --dry-run: what would be claimed, from whom and at which epoch, without changing anything.
import type { ThisNode } from '../postgres/this-node.ts';
import type { ProgramCall } from '../program/command.ts';
import { ProgramError } from '../program/program-error.ts';
import { requireOwner } from '../transport/fenced.ts';
import type { Claim, Ownership } from '../transport/ownership.ts';
import { lookAtEach, type RequestOf } from './claim-archives.ts';
import { at, from } from './claim-words.ts';
import { commonEpoch } from './common-epoch.ts';
import type { At, Target } from './targets.ts';

interface Would {
  url: string;
  outcome: 'claimed' | 'already-claimed';
  claim: Claim | null;
}

function line({ url, outcome, claim }: Would, timeline: number, { identity }: ThisNode): string {
  if (outcome === 'already-claimed') return `${url} is this node's already: ${at(claim!)}\n`;
  return `would claim ${url} for timeline ${timeline}${from(claim ?? undefined, timeline, identity.nodeId)}\n`;
}

/** The look, or the fault that a claim would end with. */
function judge(look: At<Ownership>, requestOf: RequestOf): At<Ownership> {
  const isRefused = look.value?.standing === 'theirs' && !requestOf(look.target).takeOver;
  if (!isRefused) return look;
  try {
    requireOwner(look.value!, 'claim', look.target.url);
  } catch (error) {
    return { target: look.target, fault: error as ProgramError };
  }
  return look;
}

/** Says what a claim would do; what came of the looks, with the faults that it would end with. */
export async function describeOnly(
  targets: readonly Target[],
  timeline: number,
  requestOf: RequestOf,
  node: ThisNode,
  call: ProgramCall,
): Promise<At<Ownership>[]> {
  const looks = await lookAtEach(targets, node, call.stop);
  const judged = looks.map((look) => judge(look, requestOf));
  const seen = judged.flatMap((each) => (each.value === undefined ? [] : [each]));
  const epoch = commonEpoch(
    seen.map(({ target, value }) => [value, requestOf(target)]),
    node.identity.nodeId,
  );
  const would = seen.map(({ target, value: { claim, standing } }): Would => {
    const isSame = standing === 'ours' && claim?.timeline === timeline && claim.epoch >= epoch;
    return { url: target.url, outcome: isSame ? 'already-claimed' : 'claimed', claim: claim ?? null };
  });
  if (call.options['json'] === true)
    call.voice.answer(`${JSON.stringify({ timeline, dryRun: true, archives: would })}\n`);
  else for (const each of would) call.voice.answer(line(each, timeline, node));
  return judged;
}
