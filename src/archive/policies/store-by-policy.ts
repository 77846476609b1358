// A file on its way where not every destination takes it. Returns only when the file is durable wherever the policies
// want it, and whatever a destination lacks is on record; else throws.
import type { ThisNode } from '../../postgres/this-node.ts';
import type { Voice } from '../../program/command.ts';
import { beginStandingIn, endStandingIn } from '../../program/destination-notes.ts';
import { noteLongCall } from '../../program/leave.ts';
import { describeError } from '../../program/print-error.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { Destination } from '../../program/settings/settings.ts';
import type { WalFileName } from '../../wal/filename.ts';
import { eachOnce } from '../own-destination.ts';
import { isConflict, noteAttempt, type Attempt } from './attempts.ts';
import { ledgerOf, owe } from '../../transport/backfill/debts.ts';
import { Round, type Try } from './round.ts';
import { Situation, type Known } from './situation.ts';
import { limitReached, tellBegun, tellEnded, tellMissed, tellWorks } from './tell.ts';

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
  await refuseShortfall(order, round);
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

/** Throws the first fault that nobody stands in for, after reporting the others. */
async function refuseShortfall({ name, voice }: Order, round: Round): Promise<void> {
  const faults = eachOnce(
    round
      .lacking()
      .filter((known) => !known.isSuspended && round.standInOf(known) === undefined)
      .flatMap((known) => faultsOf(known, round)),
  );
  for (const fault of faults.slice(1)) await voice.report('ERROR', describeError(fault).report);
  if (faults.length > 0) throw faults[0];
  if (round.hasCopy()) return;
  const [first, ...others] = eachOnce(round.lacking().flatMap((known) => faultsOf(known, round))).filter(
    (fault) => fault !== undefined,
  );
  for (const fault of others) await voice.report('ERROR', describeError(fault).report);
  throw nobodyLeft(name.name, round, first);
}

/** Of the destination first, then of those that could not stand in for it. */
function faultsOf(known: Known, round: Round): unknown[] {
  const { situation } = round;
  let own = round.attemptAt(known)?.fault;
  for (const { destination } of situation.fallbacksOf(known.destination.name)) {
    const { since } = situation.standing(destination, known.destination.name);
    if (since !== undefined && !situation.mayStandIn(destination, known))
      own = limitReached(own, destination, known.destination.name, since.since);
  }
  return [own, ...round.fallbacksOf(known).map((fallback) => round.attemptAt(fallback)?.fault)];
}

/** `fault`: of a fallback that could have had it. */
function nobodyLeft(file: string, round: Round, fault: unknown): unknown {
  const names = round.situation.known
    .filter(({ destination, isSuspended }) => isSuspended && destination.policy !== 'best-effort')
    .map(({ destination }) => destination.name);
  const are = `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} suspended`;
  const whom = names.length === 1 ? 'it' : 'one of them';
  const resume = `let ${whom} have files again: twowarm destination resume ${names.join(' | ')}`;
  if (fault === undefined)
    return new ProgramError('settings', `could not archive ${file}: nobody is left to have it while ${are}`, {
      hint: `Add a destination, or ${resume}`,
    });
  if (!(fault instanceof ProgramError)) return fault;
  const { kind, message, detail, hint } = fault;
  return new ProgramError(kind, message, {
    detail: `${detail === undefined ? '' : `${detail} `}Nobody else is left to have it while ${are}.`,
    hint: hint === undefined ? `Or ${resume}` : `${hint} Or ${resume}`,
    cause: fault,
  });
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
