// The one door to p-retry. Loaded after a first failure, never before.
import { setTimeout as pause } from 'node:timers/promises';
import pRetry from 'p-retry';
import type { RetryLimits } from './retry.ts';

/** Goes on after a failed first attempt, within the limits; throws the last fault, or the signal's reason. */
export async function tryAgain<T>(
  limits: RetryLimits,
  signal: AbortSignal,
  attempt: () => Promise<T>,
  worthRetrying: (error: unknown) => boolean,
): Promise<T> {
  const failedAt = performance.now();
  const firstPauseMs = Math.min(limits.firstPauseMs, limits.withinMs);
  await pause(firstPauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  return pRetry(() => attempt(), {
    retries: limits.retries - 1,
    minTimeout: limits.firstPauseMs * 2,
    maxTimeout: limits.longestPauseMs,
    factor: 2,
    randomize: false,
    maxRetryTime: Math.max(0, limits.withinMs - (performance.now() - failedAt)),
    signal,
    shouldRetry: ({ error }) => worthRetrying(error),
  });
}
