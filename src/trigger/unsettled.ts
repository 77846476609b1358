// What a claim leaves to a person: files of the owner's line that stay in quarantine, and histories of timelines that it has
// abandoned. Each is named, with the command that ends it.
import type { Report } from '../program/print-error.ts';
import { readRoadUrl, withoutSecret } from '../program/road-url.ts';
import { shellWord } from '../program/shell-word.ts';
import { historyName } from '../wal/filename.ts';
import type { ClaimRequest } from '../transport/claims.ts';
import type { ClaimOutcome } from '../transport/ownership-verbs.ts';
import type { Target } from './targets.ts';

/** So many are named one by one. */
const mostNamed = 8;

/** How twowarm conflicts is called for an archive, on the machine that has it. */
function acceptAt(url: string, id: string): string {
  const road = readRoadUrl(url);
  if (road.kind !== 'ssh' && road.kind !== 'directory') return `twowarm conflicts accept ${id}`;
  const where = road.kind === 'ssh' ? `on ${road.host}: ` : '';
  return `${where}twowarm conflicts accept ${id} --archive ${shellWord(`file:${road.directory}`)}`;
}

/** Warnings about one archive; none where all is settled. */
export function unsettledWarnings(
  { url }: Target,
  outcome: ClaimOutcome | undefined,
  request: ClaimRequest,
): Report[] {
  if (outcome === undefined) return [];
  const { settled, claim } = outcome;
  const there = withoutSecret(url);
  if (settled === undefined && request.takeOver) {
    return [
      {
        message: `histories of timelines newer than ${claim.timeline} may stay at ${there}; standbys will follow them`,
        detail: 'The receiver there is of an earlier version, which moves no abandoned timeline aside.',
        hint: 'Update twowarm there, and run this again.',
      },
    ];
  }
  const { notPutBack = [], staying = [] } = settled ?? {};
  const [again, own] = [`twowarm claim --take-over ${there}`, historyName(claim.timeline)];
  const abandoned = staying.map((name): Report => ({
    message: `${name} of the abandoned timeline stays at ${there}; standbys will follow it unless it is moved aside`,
    detail: `It is not known which line timeline ${claim.timeline} has: its history is not in pg_wal, or cannot be read.`,
    hint: `Put ${own} back into pg_wal, and run again: ${again}`,
  }));
  const holes = notPutBack.slice(0, mostNamed).map((id): Report => ({
    message: `${id} at ${there} is of the line of timeline ${claim.timeline}, and was not put back`,
    detail: `The archive lacks it. Either the server is yet to archive this segment itself, or it is kept more than once.`,
    hint: `If the server does not archive it: ${acceptAt(url, id)}`,
  }));
  const rest = notPutBack.length - holes.length;
  const more = rest > 0 ? [{ message: `so it is with ${rest} more files in quarantine at ${there}` }] : [];
  return [...abandoned, ...holes, ...more];
}
