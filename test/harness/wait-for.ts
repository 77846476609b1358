// Waiting for a condition instead of for a time: the only way a test waits here.
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';

export interface WaitLimits {
  /** Default 40 000: of a busy machine. Nothing that passes waits for it. */
  limitMs?: number;
  /** Default 20. */
  everyMs?: number;
}

/**
 * Calls `probe` until it returns something other than false, null or undefined, and resolves with that. An exception
 * counts as "not yet". When the limit is reached, rejects with the description and the last value or error.
 */
export async function waitFor<T>(
  description: string,
  probe: () => T | Promise<T>,
  { limitMs = 40_000, everyMs = 20 }: WaitLimits = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    let last: string;
    let cause: unknown;
    try {
      const value = await probe();
      if (value !== false && value !== null && value !== undefined)
        return value as NonNullable<Exclude<T, false>>;
      last = `last value: ${inspect(value)}`;
    } catch (error) {
      cause = error;
      last = `last error: ${error instanceof Error ? error.message : inspect(error)}`;
    }
    if (performance.now() > deadline) {
      throw new Error(`waited ${limitMs} ms in vain for: ${description} (${last})`, { cause });
    }
    await sleep(everyMs);
  }
}
