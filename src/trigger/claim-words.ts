// What twowarm claim says of each archive.
import type { ThisNode } from '../postgres/this-node.ts';
import type { ClaimOutcome } from '../transport/ownership-verbs.ts';
import type { Claim } from '../transport/ownership.ts';

export const at = ({ timeline, epoch, at: since }: Claim): string =>
  `timeline ${timeline}, epoch ${epoch}, since ${since}`;

/** Where it comes from: another node, or a lower epoch of this one. */
export function from(previous: Claim | undefined, timeline: number, nodeId: string): string {
  if (previous === undefined) return '';
  if (previous.node !== nodeId) return `, from node ${previous.nodeName} (${previous.node})`;
  return previous.timeline === timeline ? `, raised from epoch ${previous.epoch}` : '';
}

/** What came of a claim, in lines. */
export function describe(url: string, outcome: ClaimOutcome, { identity, settings }: ThisNode): string {
  const { claim, previous, quarantined } = outcome;
  const line =
    outcome.outcome === 'claimed'
      ? `claimed ${url} for node ${settings.nodeName}: ${at(claim)}${from(previous, claim.timeline, identity.nodeId)}`
      : `${url} is this node's already: ${at(claim)}`;
  if (quarantined.length === 0) return `${line}\n`;
  const span = `${quarantined[0]} to ${quarantined.at(-1)}`;
  return `${line}\nin quarantine there, past the forks of timeline ${claim.timeline}: ${span}, files: ${quarantined.length}\n`;
}

/** The same as fields of a JSON object. */
export function toJson(url: string, { outcome, claim, previous, quarantined }: ClaimOutcome): object {
  return { url, outcome, ...claim, previous: previous ?? null, quarantined };
}
