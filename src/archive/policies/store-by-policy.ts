// A file on its way where not every destination takes it. Returns only when the file is durable wherever the policies
// want it, and whatever a destination lacks is on record; else throws.
import type { ThisNode } from '../../postgres/this-node.ts';
import type { Voice } from '../../program/command.ts';
import { beginStandingIn, endStandingIn } from '../../program/destination-notes.ts';
import { noteLongCall } from '../../program/leave.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { Destination } from '../../program/settings/settings.ts';
import type { WalFileName } from '../../wal/filename.ts';
import { isConflict, noteAttempt, type Attempt } from './attempts.ts';
import { ledgerOf, owe } from '../../transport/backfill/debts.ts';
import { Round, type Try } from './round.ts';
import { refuseShortfall } from './shortfall.ts';
import { Situation, type Known } from './situation.ts';
import { tellBegun, tellEnded, tellMissed, tellWorks } from './tell.ts';

export interface Order {
  name: WalFileName;
  /** Absolute path. */
  source: string;
  dryRun: boolean;
  destinations: readonly Destination[];
  node: ThisNode;
  voice: Voice;
  stop: AbortSignal;
}

/** `made` are the attempts of this call so far, each with its whole time limit. Returns all that succeeded. */
export async function storeByPolicy(order: Order, made: readonly Attempt[], tryOne: Try): Promise<Attempt[]> {
  noteLongCall();
  const situation = new Situation(order.node.settings.home, order.destinations);
  const round = new Round(situation, made, tryOne);
  await round.askAll();
  // Told to stop, every destination fails alike; there is nothing to say about each.
  order.stop.throwIfAborted();
  if (!order.dryRun) noteAttempts(order, round);
  await refuseShortfall(order.name.name, round, order.voice);
  if (!order.dryRun) {
    for (const known of situation.known) await settle(known, order, round);
  }
  return round.successes();
}

function noteAttempts({ node, name }: Order, round: Round): void {
  for (const known of round.situation.known) {
    const attempt = round.attemptAt(known);
    if (attempt !== undefined) noteAttempt(node.settings.home, name.name, attempt, known.failing);
  }
}

/** What this call leaves undone at a destination is put on record, and what has changed is told. */
async function settle(known: Known, order: Order, round: Round): Promise<void> {
  const { destination, failing } = known;
  const attempt = round.attemptAt(known);
  if (round.has(known)) {
    if (destination.policy === 'required') await endStandIns(destination, order, round);
    if (destination.policy === 'best-effort' && failing !== undefined)
      await tellWorks(destination, failing, order.voice);
  } else if (destination.policy === 'required') {
    await recordStoodIn(known, order, round);
  } else if (destination.policy === 'best-effort') {
    await owe(order.name, order.source, destination.name, false, order.node, order.stop);
    if (isConflict(attempt?.fault)) ledgerOf(destination.name, order.node).setAside(order.name.name);
    if (attempt !== undefined && (failing === undefined || isConflict(attempt.fault)))
      await tellMissed(destination, attempt.fault, order.voice);
  }
}

async function recordStoodIn(known: Known, order: Order, round: Round): Promise<void> {
  const { destination, isSuspended } = known;
  const { name, source, node, voice, stop } = order;
  const { home } = node.settings;
  const fallback = round.standInOf(known)?.destination;
  // A suspended one may be gone for weeks: copies for it would fill the disk that pg_wal is on.
  const isHeld = !isSuspended && fallback?.standIn?.hold === true;
  await owe(name, source, destination.name, isHeld, node, stop);
  if (fallback === undefined || isSuspended) return;
  const begun = { since: new Date(round.situation.nowMs).toISOString(), file: name.name };
  if (beginStandingIn(home, node.identity.nodeId, fallback.name, destination.name, begun)) {
    const fault = round.attemptAt(known)?.fault ?? new ProgramError('timed-out', known.failing?.reason ?? '');
    await tellBegun(fallback, destination, fault, voice);
  }
}

async function endStandIns(required: Destination, order: Order, round: Round): Promise<void> {
  for (const { destination } of round.situation.known) {
    const { since } = round.situation.standing(destination, required.name);
    if (since !== undefined && endStandingIn(order.node.settings.home, destination.name, required.name))
      await tellEnded(destination, required, since.since, order.voice);
  }
}
