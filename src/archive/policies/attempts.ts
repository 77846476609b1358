// One try of a call at one destination, and what it says about the destination from now on.
import { endFailing, noteFailing, type Failing } from '../../program/destination-notes.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { Destination } from '../../program/settings/settings.ts';
import type { PutOutcome } from '../../transport/transport.ts';
import { isOwn } from '../own-destination.ts';

export interface Attempt {
  destination: Destination;
  /** Undefined when it failed. */
  outcome?: PutOutcome;
  fault?: unknown;
  tookMs: number;
  /** Whether it had the destination's whole time limit. */
  isWhole: boolean;
}

/** What is wrong with the file, whichever destination found it. */
const ofTheFile: readonly string[] = ['archive-duplicate', 'invalid-file', 'invalid-name', 'source-missing'];
/** What a person has to look at: another destination would only hide it. */
const ofTheNode: readonly string[] = ['fenced', 'wrong-cluster', 'settings', 'not-built'];

/** Whether another destination may stand in for one that failed like this: only for one that is out of order. */
export function allowsStandIn(fault: unknown): boolean {
  if (fault === undefined) return true;
  return fault instanceof ProgramError && ![...ofTheFile, ...ofTheNode].includes(fault.kind);
}

export const isConflict = (fault: unknown): fault is ProgramError =>
  fault instanceof ProgramError && fault.kind === 'archive-duplicate';

/** Keeps since when it fails, or that it works again. */
export function noteAttempt(home: string, file: string, attempt: Attempt, before: Failing | undefined): void {
  const { destination, outcome, fault, tookMs, isWhole } = attempt;
  if (isOwn(destination)) return;
  if (outcome !== undefined) {
    if (before !== undefined) endFailing(home, destination.name);
    return;
  }
  if (!(fault instanceof ProgramError) || ofTheFile.includes(fault.kind)) return;
  const at = new Date().toISOString();
  const wholeAt = isWhole ? at : (before?.wholeAt ?? at);
  noteFailing(home, destination.name, {
    since: before?.since ?? at,
    at,
    file,
    reason: fault.message,
    tookMs: Math.round(tookMs),
    wholeAt,
  });
}
