// twowarm.toml as a call must take it whose answer would end a recovery: not while somebody is writing it. A file that
// is half there lacks its last lines, and without restore.wait = 'warm' an absent segment opens the database.
import { statSync } from 'node:fs';
import type { ThisNode } from '../../postgres/this-node.ts';
import { errnoOf } from '../../program/program-error.ts';

/** How long a file must have been left alone to be believed, in ms. */
const settleMs = 3000;

/** Differs once the configuration file has changed. */
export function configurationOf({ settings }: ThisNode): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(settings.configurationFile, { bigint: true });
    return [ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    return errnoOf(error) ?? 'unknown';
  }
}

/** How much longer the file should be left alone to be believed, in ms; 0 when it is settled, or from the future. */
export function unsettledForMs({ settings }: ThisNode): number {
  const stats = statSync(settings.configurationFile, { throwIfNoEntry: false });
  const ageMs = stats === undefined ? Infinity : Date.now() - stats.ctimeMs;
  return ageMs < 0 ? 0 : Math.max(0, settleMs - ageMs);
}

export const haveSameSettings = (one: ThisNode, other: ThisNode): boolean =>
  JSON.stringify(one.settings) === JSON.stringify(other.settings);
