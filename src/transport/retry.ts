// Trying again, as a wrapper around any road and as a plain loop. Every limit is given; PostgreSQL's archiver retries
// by itself (3 times, then every minute), so ours are few and short. How it is done is in try-again.ts.
import { isRetryable } from '../program/program-error.ts';
import type { ReadTransport, Transport } from './transport.ts';

export interface RetryLimits {
  /** Attempts after the first one. */
  retries: number;
  /** The pause before the first retry, in ms; it doubles up to `longestPauseMs`. */
  firstPauseMs: number;
  longestPauseMs: number;
  /** No attempt starts later than this after the start of the first one, in ms. */
  withinMs: number;
}

const transportLimits: RetryLimits = { retries: 2, firstPauseMs: 100, longestPauseMs: 400, withinMs: 5000 };

/** Repeats `attempt` while `worthRetrying` says so, within the limits; throws the last fault. */
export async function retrying<T>(
  limits: RetryLimits,
  signal: AbortSignal,
  attempt: () => Promise<T>,
  worthRetrying: (error: unknown) => boolean = isRetryable,
): Promise<T> {
  const startedAt = performance.now();
  try {
    return await attempt();
  } catch (error) {
    const isOver = performance.now() - startedAt >= limits.withinMs;
    if (limits.retries === 0 || isOver || !worthRetrying(error) || signal.aborted) throw error;
  }
  // Loaded only after a failure: a segment that goes through does not pay for it.
  const { tryAgain } = await import('./try-again.ts');
  // Loading takes time, too; Node warns on stderr of a timer in the past.
  const withinMs = Math.max(0, limits.withinMs - (performance.now() - startedAt));
  return tryAgain({ ...limits, withinMs }, signal, attempt, worthRetrying);
}

/** The same source, with every verb tried again when its fault may pass. */
export function retryingReads(road: ReadTransport, limits = transportLimits): ReadTransport {
  return {
    url: road.url,
    promises: road.promises,
    ...(road.way !== undefined && { way: road.way }),
    isVacant: road.isVacant,
    list: (signal) => retrying(limits, signal, () => road.list(signal)),
    stat: (name, signal) => retrying(limits, signal, () => road.stat(name, signal)),
    get: (name, path, inspect, signal) =>
      retrying(limits, signal, () => road.get(name, path, inspect, signal)),
    gapOf: (name, signal) => retrying(limits, signal, () => road.gapOf(name, signal)),
    ownership: (signal) => retrying(limits, signal, () => road.ownership(signal)),
    reservationOf: (timeline, signal) => retrying(limits, signal, () => road.reservationOf(timeline, signal)),
    watch: (wake) => road.watch(wake),
    close: () => road.close(),
  };
}

/** The same destination, with every verb tried again when its fault may pass; each is safe to repeat (rule 5). */
export function withRetry(road: Transport, limits = transportLimits): Transport {
  return {
    ...retryingReads(road, limits),
    put: (name, source, inspect, signal) =>
      retrying(limits, signal, () => road.put(name, source, inspect, signal)),
    recordGap: (gap, signal) => retrying(limits, signal, () => road.recordGap(gap, signal)),
    remove: (name, signal) => retrying(limits, signal, () => road.remove(name, signal)),
    claim: (request, signal) => retrying(limits, signal, () => road.claim(request, signal)),
    release: (epoch, signal) => retrying(limits, signal, () => road.release(epoch, signal)),
    reserve: (request, signal) => retrying(limits, signal, () => road.reserve(request, signal)),
  };
}
