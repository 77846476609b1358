// What archive_command fails with where a file is not where the policies want it: the faults that were met, first. That
// a person has suspended somebody, or that a limit is over, explains a fault and never takes its place.
import type { Voice } from '../../program/command.ts';
import { describeError } from '../../program/print-error.ts';
import { ProgramError } from '../../program/program-error.ts';
import { formatDuration } from '../../program/settings/quantities.ts';
import type { Destination } from '../../program/settings/settings.ts';
import { enumerate } from '../../transport/archiving-outlook.ts';
import { eachOnce } from '../own-destination.ts';
import { allowsStandIn } from './attempts.ts';
import type { Round } from './round.ts';
import type { Known } from './situation.ts';

/** Throws the first fault that nobody stands in for, after reporting the others. */
export async function refuseShortfall(file: string, round: Round, voice: Voice): Promise<void> {
  const forsaken = round
    .lacking()
    .filter((known) => !known.isSuspended && round.standInOf(known) === undefined)
    .flatMap((known) => faultsOf(known, round));
  const met = forsaken.length > 0 || round.hasCopy() ? forsaken : faultsInStead(round);
  const faults = eachOnce([...new Set(met)]);
  for (const fault of faults.slice(1)) await voice.report('ERROR', describeError(fault).report);
  if (faults.length > 0) throw faults[0];
  if (!round.hasCopy()) throw nobodyLeft(file, round);
}

/** Of the destination first, then of those that could not stand in for it. */
function faultsOf(known: Known, round: Round): unknown[] {
  const { situation } = round;
  const { name } = known.destination;
  let own = round.attemptAt(known)?.fault;
  if (allowsStandIn(own)) {
    for (const { destination } of situation.fallbacksOf(name)) {
      const { since } = situation.standing(destination, name);
      if (since !== undefined && !situation.mayStandIn(destination, known))
        own = limitReached(own, destination, name, since.since);
    }
    for (const { destination } of situation.suspendedFallbacksOf(name))
      own = explained(
        own,
        `Its fallback ${destination.name} is suspended.`,
        `let its fallback have files again: twowarm destination resume ${destination.name}`,
      );
  }
  return [own, ...round.fallbacksOf(known).map((fallback) => round.attemptAt(fallback)?.fault)];
}

/** Where all who are required are suspended: of those that were asked in their stead. */
function faultsInStead(round: Round): unknown[] {
  const asked = round.lacking().flatMap((known) =>
    round.fallbacksOf(known).flatMap((fallback) => {
      const fault = round.attemptAt(fallback)?.fault;
      return fault === undefined ? [] : [{ fault, for: known.destination.name }];
    }),
  );
  const faults = [...new Set(asked.map(({ fault }) => fault))];
  return faults.map((fault) => {
    const names = asked.filter((each) => each.fault === fault).map((each) => each.for);
    return explained(fault, `Nobody else is left to have the file while ${areSuspended(names)}.`);
  });
}

const areSuspended = (names: readonly string[]): string =>
  `${enumerate(names)} ${names.length === 1 ? 'is' : 'are'} suspended`;

function nobodyLeft(file: string, round: Round): ProgramError {
  const required = round.lacking().map(({ destination }) => destination.name);
  const fallbacks = required.flatMap((name) => round.situation.suspendedFallbacksOf(name));
  const names = [...new Set([...required, ...fallbacks.map(({ destination }) => destination.name)])];
  const which = names.length === 1 ? 'it' : 'one of them';
  const commands = names.map((name) => `twowarm destination resume ${name}`).join(', or ');
  return new ProgramError(
    'settings',
    `could not archive ${file}: nobody is left to have it while ${areSuspended(names)}`,
    { hint: `Add a destination, or let ${which} have files again: ${commands}` },
  );
}

/** The fault of a required destination whose fallback has stood in for as long as it may. */
const limitReached = (fault: unknown, { name, standIn }: Destination, required: string, since: string) =>
  explained(
    fault,
    `Its fallback ${name} has stood in since ${since}, and may do so for ${formatDuration(standIn!.limitMs!)}.`,
    `raise destination.${name}.limit, or let archive_command go on without ${required}: twowarm destination suspend ${required}`,
  );

/** The fault with more to be known of it; `remedy` comes after what cures the fault itself. */
function explained(fault: unknown, why: string, remedy?: string): unknown {
  if (!(fault instanceof ProgramError)) return fault;
  const { kind, message, detail, hint } = fault;
  return new ProgramError(kind, message, {
    detail: detail === undefined ? why : `${detail} ${why}`,
    hint: remedy === undefined ? hint : withRemedy(hint, remedy),
    cause: fault,
  });
}

const withRemedy = (hint: string | undefined, remedy: string): string => {
  if (hint === undefined) return `${remedy[0]!.toUpperCase()}${remedy.slice(1)}`;
  return hint.endsWith('.') ? `${hint} Else ${remedy}` : `${hint}; else ${remedy}`;
};
