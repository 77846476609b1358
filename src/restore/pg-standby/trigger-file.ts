// pg_standby's trigger file: what it orders, and how a fast one becomes smart. Opened for reading only; never removed,
// which is recovery_end_command's.
import { closeSync, constants, fstatSync, openSync, readSync, truncateSync } from 'node:fs';
import { errnoOf, fromSystemError } from '../../program/program-error.ts';
import type { Report } from '../../program/print-error.ts';

export type Failover = 'smart' | 'fast';

export interface Trigger {
  failover?: Failover;
  /** What is wrong with the file, or with emptying it. */
  warning?: Report;
}

/** The longest word that counts, in bytes. */
const wordBytes = 5;

/** Reads the trigger file; a fast one is emptied, so that the server's request for a segment it had is served again. */
export function readTriggerFile(path: string): Trigger {
  try {
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    let found: Trigger;
    try {
      found = readOpen(descriptor, path);
    } finally {
      closeSync(descriptor);
    }
    return found.failover === 'fast' ? { ...found, ...empty(path) } : found;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return {};
    return { warning: fromSystemError(error, `could not read the trigger file "${path}"`) };
  }
}

function readOpen(descriptor: number, path: string): Trigger {
  const stats = fstatSync(descriptor);
  if (!stats.isFile()) return { warning: { message: `the trigger file "${path}" is not a regular file` } };
  if (stats.size === 0) return { failover: 'smart' };
  const bytes = Buffer.alloc(wordBytes);
  const text = bytes.toString('latin1', 0, readSync(descriptor, bytes, 0, wordBytes, 0));
  // Emptied since fstat: that is how a fast one becomes smart.
  if (text === '' || text.startsWith('smart')) return { failover: 'smart' };
  if (text.startsWith('fast')) return { failover: 'fast' };
  const hint = 'It must be empty or begin with "smart" or "fast".';
  return { warning: { message: `invalid content in the trigger file "${path}": it is ignored`, hint } };
}

function empty(path: string): Trigger {
  try {
    truncateSync(path);
    return {};
  } catch (error) {
    const { message } = fromSystemError(error, `could not empty the trigger file "${path}"`);
    const hint =
      'The failover goes on, but a segment that the server asks for once more is answered as missing.';
    return { warning: { message, hint } };
  }
}
