// A destination that did not answer lately is not waited for with every file, where another one stands in for it: it is
// tried now and then, mostly for a moment, seldom with all the time it may take. Pure.
import type { Failing } from '../../program/destination-notes.ts';

/** A failure that came as fast as this holds up nobody, in ms: such a destination is tried with every file. */
const quickMs = 250;
/** Between two tries, in ms. */
const spacingMs = 10_000;
/** How long one that hung may take now, in ms. */
const shortMs = 2500;
/** The whole time limit is spent at most this often: once in so many of itself. */
const wholeShare = 10;

/** The time limit of the next try in ms; 'later': not with this file. */
export function nextTry(
  failing: Failing | undefined,
  timeLimitMs: number,
  hasStandIn: boolean,
  nowMs: number,
): number | 'later' {
  if (failing === undefined || !hasStandIn || failing.tookMs < quickMs) return timeLimitMs;
  const since = (time: string): number => nowMs - Date.parse(time);
  // A note from the future is one of a clock that was set back.
  const isOver = (time: string, ms: number): boolean => !(since(time) >= 0 && since(time) < ms);
  if (!isOver(failing.at, spacingMs)) return 'later';
  return isOver(failing.wholeAt, wholeShare * timeLimitMs) ? timeLimitMs : Math.min(timeLimitMs, shortMs);
}
