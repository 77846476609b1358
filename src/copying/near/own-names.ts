// The names of what a copy itself keeps in a data directory while it is at work.
import { noteName } from '../../program/lacking-data.ts';

/** Names the process that copies (program/process-lock.ts). */
export const lockName = '.twowarm-copying.lock';

/** One of these, or what a process that was killed has left of them. */
export function isOwnName(name: string): boolean {
  return name.startsWith(noteName) || name.startsWith(`.tmp.${noteName}`);
}
