// What the server's log hears of destinations that fail and of those that stand in: once when it begins, once when it
// ends, not with each of the thousand files between.
import type { Voice } from '../../program/command.ts';
import type { Failing } from '../../program/destination-notes.ts';
import { describeError } from '../../program/print-error.ts';
import { ProgramError } from '../../program/program-error.ts';
import { formatDuration } from '../../program/settings/quantities.ts';
import type { Destination } from '../../program/settings/settings.ts';

const ofFault = (fault: unknown) => describeError(fault).report;

/** A best-effort destination fails from this file on. */
export function tellMissed({ name }: Destination, fault: unknown, voice: Voice): Promise<void> {
  const { message, detail, hint } = ofFault(fault);
  return voice.report('WARNING', { message: `${message}; ${name} is owed it`, detail, hint });
}

/** A fallback stands in from this file on. */
export function tellBegun(
  { name, standIn }: Destination,
  required: Destination,
  fault: unknown,
  voice: Voice,
): Promise<void> {
  const { message, hint } = ofFault(fault);
  const kept = standIn!.hold ? ', and a copy is kept on this node until then' : '';
  const limit = standIn!.limitMs;
  const until = limit === undefined ? '' : ` ${name} may stand in for ${formatDuration(limit)}.`;
  return voice.report('WARNING', {
    message: `${message}; ${name} stands in for ${required.name}`,
    detail: `What ${required.name} lacks is on record and is brought to it when it is back${kept}.${until}`,
    hint,
  });
}

/** The required destination takes files again. */
export function tellEnded({ name }: Destination, required: Destination, since: string, voice: Voice) {
  const message = `${required.name} takes files again: ${name}, which stood in since ${since}, is no longer asked`;
  return voice.report('LOG', { message });
}

/** A best-effort destination takes files again. */
export function tellWorks({ name }: Destination, { since }: Failing, voice: Voice): Promise<void> {
  return voice.report('LOG', { message: `${name} takes files again, after it failed since ${since}` });
}

/** The fault of a required destination whose fallback has stood in for as long as it may. */
export function limitReached(
  fault: unknown,
  { name, standIn }: Destination,
  required: string,
  since: string,
): unknown {
  if (!(fault instanceof ProgramError)) return fault;
  const { kind, message, detail, hint } = fault;
  const over = `Its fallback ${name} has stood in since ${since}, and may do so for ${formatDuration(standIn!.limitMs!)}.`;
  return new ProgramError(kind, message, {
    detail: detail === undefined ? over : `${detail} ${over}`,
    hint: `${hint === undefined ? '' : `${hint} `}To go on without ${required}: raise destination.${name}.limit, or twowarm destination suspend ${required}`,
    cause: fault,
  });
}
