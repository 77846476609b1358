// A file of the archive to the path that was asked for: under a temporary name beside it, checked as it passes, then
// renamed. What was there is replaced, as the cp of the original did; PostgreSQL removes it before it asks.
import { dirname } from 'node:path';
import { errnoOf } from '../../program/program-error.ts';
import { closeFile, openFile, rename, settleOpenFile, unlinkIfThere } from '../../program/system-calls.ts';
import { removeAbandoned, temporaryPath } from '../../program/temporary-name.ts';
import { copyBytes } from '../../transport/copy.ts';
import type { Inspect } from '../../transport/transport.ts';

/** Stands for the node in the names of unfinished files: pg_standby has no home that would give it an id. */
const writer = 'pg_standby';

/** Removes what calls that were killed left beside the target. */
export function removeLeftovers(target: string): void {
  removeAbandoned(dirname(target), writer);
}

/** Copies an open file to `target`; throws what `inspect` refuses, and system errors as they are. */
export async function copyToTarget(
  source: number,
  target: string,
  inspect: Inspect,
  signal: AbortSignal,
): Promise<void> {
  const temporary = temporaryPath(target, writer);
  const descriptor = await openFile(temporary, 'wx', 0o600);
  try {
    try {
      await settleOpenFile(descriptor, temporary);
      await copyBytes(source, descriptor, inspect, signal);
    } finally {
      await closeFile(descriptor);
    }
    signal.throwIfAborted();
    await rename(temporary, target);
  } catch (error) {
    await unlinkIfThere(temporary);
    throw error;
  }
}

/** Whether a failed copy failed at reading: then it is the archive's, not the target's. */
export function failedAtReading(error: unknown): boolean {
  return errnoOf(error) !== undefined && (error as { syscall?: unknown }).syscall === 'read';
}
