// Whether the sources know what this node still needs of them: a note in <home>/state/registered saves asking them at
// every call. It decides nothing but that: one that is damaged, or from the future, counts as none.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RecoveryMode } from '../../postgres/recovery-mode.ts';
import { fileMode } from '../../program/file-owner.ts';
import { describeError } from '../../program/print-error.ts';
import { errnoOf } from '../../program/program-error.ts';
import type { Settings } from '../../program/settings/settings.ts';
import { temporaryPath } from '../../program/temporary-name.ts';
import { noRestartPoint } from '../../wal/filename.ts';
import type { Asking } from '../ask-sources.ts';

/** What a call reads as: a point-in-time recovery may be repeated; undefined: nothing is replayed any more. */
export function readerKind(mode: RecoveryMode, { restore }: Settings): 'standby' | 'restore' | undefined {
  if (mode === 'none') return undefined;
  return mode === 'standby' || restore.wait === 'warm' ? 'standby' : 'restore';
}

const noteIn = (stateDirectory: string): string => join(stateDirectory, 'registered');

function isNoted(stateDirectory: string, key: string, now: number): boolean {
  try {
    const [from, until, noted] = readFileSync(noteIn(stateDirectory), 'utf8').split('\n');
    return noted === key && Number(from) <= now && now < Number(until);
  } catch {
    return false;
  }
}

/** Keeps for so long that the sources know `key`. A home that is full or read-only only makes calls slower. */
export function noteRegistered(stateDirectory: string, key: string, forMs: number): void {
  const now = Date.now();
  const note = noteIn(stateDirectory);
  const temporary = temporaryPath(note, 'note');
  try {
    writeFileSync(temporary, `${now}\n${now + forMs}\n${key}\n`, { mode: fileMode, flag: 'wx' });
    renameSync(temporary, note);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}

/**
 * Puts on record at every source what this node still needs by %r, unless that was done a moment ago. Never fails;
 * throws only the reason of `stop`.
 */
export async function keepRegistered(asking: Asking): Promise<void> {
  const { restartFile, mode, node, name, stop, voice } = asking;
  const kind = readerKind(mode, node.settings);
  if (restartFile === undefined || kind === undefined || name.kind !== 'segment') return;
  const key = [kind, restartFile, ...node.settings.restore.sources].join(' ');
  const isKnown = restartFile !== noRestartPoint;
  if (isKnown && isNoted(node.identity.stateDirectory, key, Date.now())) return;
  try {
    const { registerReader } = await import('./register.ts');
    await registerReader(
      { kind, restartFile, asked: name.name },
      node,
      voice,
      stop,
      isKnown ? key : undefined,
    );
  } catch (error) {
    if (stop.aborted) throw error;
    await voice.report('WARNING', describeError(error).report);
  }
}
