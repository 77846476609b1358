// What twowarm claim says of each archive.
import type { ThisNode } from '../postgres/this-node.ts';
import type { ClaimOutcome } from '../transport/ownership-verbs.ts';
import { parseWalFileName } from '../wal/filename.ts';
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
  const { claim, previous, quarantined, settled } = outcome;
  const line =
    outcome.outcome === 'claimed'
      ? `claimed ${url} for node ${settings.nodeName}: ${at(claim)}${from(previous, claim.timeline, identity.nodeId)}`
      : `${url} is this node's already: ${at(claim)}`;
  const { timeline } = claim;
  const isNewer = (name: string): boolean => (parseWalFileName(name)?.timeline ?? 0) > timeline;
  const past = quarantined.filter((name) => !isNewer(name));
  return [
    line,
    ...span(`in quarantine there, past the forks of timeline ${timeline}`, past),
    ...span('in quarantine there, of abandoned timelines', quarantined.filter(isNewer)),
    ...span(`put back there, of the line of timeline ${timeline}`, settled?.putBack ?? []),
    '',
  ].join('\n');
}

const span = (what: string, names: readonly string[]): string[] =>
  names.length === 0 ? [] : [`${what}: ${names[0]} to ${names.at(-1)}, files: ${names.length}`];

/** The same as fields of a JSON object. */
export function toJson(
  url: string,
  { outcome, claim, previous, quarantined, settled }: ClaimOutcome,
): object {
  const { putBack, notPutBack, staying } = settled ?? { putBack: [], notPutBack: [], staying: [] };
  return {
    url,
    outcome,
    ...claim,
    previous: previous ?? null,
    quarantined,
    putBack,
    notPutBack,
    staying,
  };
}
