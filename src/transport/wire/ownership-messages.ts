// Claims and reservations as parts of messages, in both directions. What they mean is in ownership.ts and its neighbours.
import { ProgramError } from '../../program/program-error.ts';
import type { HistoryEntry } from '../../wal/history.ts';
import { formatLsn, parseLsn } from '../../wal/lsn.ts';
import { parseWalFileName } from '../../wal/filename.ts';
import type { ClaimRequest } from '../claims.ts';
import type { ClaimOutcome, Settled } from '../ownership-verbs.ts';
import { claimToJson, type Claim, type Ownership } from '../ownership.ts';
import type { Reservation, ReservationRequest } from '../reservations.ts';
import type { Message } from './messages.ts';

const nodeId = /^([0-9a-f]{16}|unrecorded)$/;
const lastTimeline = 0xffff_ffff;

function timelineOf(message: Message): number {
  const timeline = message.count('timeline');
  if (timeline >= 1 && timeline <= lastTimeline) return timeline;
  throw new ProgramError('protocol', `there is no timeline ${timeline}`);
}

const readClaim = (message: Message): Claim => ({
  timeline: timelineOf(message),
  node: message.matching('node', nodeId),
  nodeName: message.text('node_name'),
  epoch: message.count('epoch'),
  at: message.text('claimed_at'),
});

const maybeClaim = (message: Message, key: string): Claim | undefined => {
  const part = message.maybePart(key);
  return part === undefined ? undefined : readClaim(part);
};

const maybeToJson = (claim: Claim | undefined): object | undefined =>
  claim === undefined ? undefined : claimToJson(claim);

export const ownershipToJson = ({ standing, claim, heldEpoch }: Ownership): object => ({
  reply: 'ownership',
  standing,
  claim: maybeToJson(claim),
  held_epoch: heldEpoch,
});

export const readOwnership = (message: Message): Ownership => ({
  standing: message.oneOf('standing', ['unclaimed', 'ours', 'outdated', 'theirs']),
  claim: maybeClaim(message, 'claim'),
  heldEpoch: message.maybeCount('held_epoch'),
});

/** A receiver that does not know `at_least` yet claims from its own next epoch on, and says which one that is. */
export const claimRequestToJson = ({
  timeline,
  nodeName,
  takeOver,
  atLeast,
  history,
  archivedBefore,
}: ClaimRequest): object => ({
  verb: 'claim',
  timeline,
  node_name: nodeName,
  take_over: takeOver,
  at_least: atLeast,
  history: history?.map((entry) => ({
    timeline: entry.timeline,
    switch_lsn: formatLsn(entry.switchLsn),
    reason: entry.reason,
  })),
  archived_before: archivedBefore === undefined ? undefined : formatLsn(archivedBefore),
});

function lsnOf(message: Message, key: string): bigint {
  const lsn = parseLsn(message.text(key));
  if (lsn === undefined) throw new ProgramError('protocol', `"${key}" is no LSN`);
  return lsn;
}

function readEntry(message: Message): HistoryEntry {
  const switchLsn = lsnOf(message, 'switch_lsn');
  return { timeline: timelineOf(message), switchLsn, reason: message.text('reason') };
}

export function readClaimRequest(message: Message): ClaimRequest {
  const history = message.maybeParts('history')?.map(readEntry);
  const atLeast = message.maybeCount('at_least');
  const isToldOf = message.maybeText('archived_before') !== undefined;
  return {
    timeline: timelineOf(message),
    nodeName: message.text('node_name'),
    takeOver: message.isTrue('take_over'),
    ...(atLeast !== undefined && { atLeast }),
    ...(history !== undefined && { history }),
    ...(isToldOf && { archivedBefore: lsnOf(message, 'archived_before') }),
  };
}

export const claimOutcomeToJson = ({
  outcome,
  claim,
  previous,
  quarantined,
  settled,
}: ClaimOutcome): object => ({
  reply: 'claim',
  outcome,
  claim: claimToJson(claim),
  previous: maybeToJson(previous),
  quarantined,
  settled: settled && {
    put_back: settled.putBack,
    not_put_back: settled.notPutBack,
    staying: settled.staying,
  },
});

const isWalName = (name: string): boolean => parseWalFileName(name) !== undefined;
const isKept = (id: string): boolean => /^quarantine\/[0-9A-F]{8}-\d{1,16}\/[0-9A-Za-z.]{1,200}$/.test(id);

/** A receiver that settles nothing does not know of it. */
function readSettled(part: Message | undefined): Settled | undefined {
  if (part === undefined) return undefined;
  return {
    putBack: part.texts('put_back', isWalName),
    notPutBack: part.texts('not_put_back', isKept),
    staying: part.texts('staying', isWalName),
  };
}

export function readClaimOutcome(message: Message): ClaimOutcome {
  const claim = maybeClaim(message, 'claim');
  if (claim === undefined) throw new ProgramError('protocol', '"claim" is missing');
  return {
    outcome: message.oneOf('outcome', ['claimed', 'already-claimed']),
    claim,
    previous: maybeClaim(message, 'previous'),
    quarantined: message.texts('quarantined', isWalName),
    settled: readSettled(message.maybePart('settled')),
  };
}

export const reserveToJson = ({ timeline, nodeName }: ReservationRequest): object => ({
  verb: 'reserve',
  timeline,
  node_name: nodeName,
});

export const readReservationRequest = (message: Message): ReservationRequest => ({
  timeline: timelineOf(message),
  nodeName: message.text('node_name'),
});

export const reservationToJson = (found: Reservation): object => ({
  reply: 'reservation',
  timeline: found.timeline,
  node: found.node,
  node_name: found.nodeName,
  system_identifier: found.systemIdentifier,
  at: found.at,
  epoch: found.epoch,
});

export const readReservation = (message: Message): Reservation => ({
  timeline: timelineOf(message),
  node: message.text('node'),
  nodeName: message.text('node_name'),
  systemIdentifier: message.text('system_identifier'),
  at: message.text('at'),
  epoch: message.count('epoch'),
});
