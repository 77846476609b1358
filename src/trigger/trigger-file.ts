// The trigger file: what a waiting restore_command looks at. Written whole, never over other content than a weaker
// trigger, and removed when the server is open: left behind, it would keep the next standby of this home from waiting.
import { accessSync, constants, readFileSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, fromSystemError, ProgramError } from '../program/program-error.ts';
import { createSmallFile, replaceSmallFile, syncDirectory } from '../program/small-file.ts';
import type { Wish } from './options.ts';
import type { Plan } from './plan.ts';

/** What the file asks for, in capitals, too, as restoreWALFile reads it; an empty one is smart. */
function readTriggerFile(path: string): Wish | 'other content' | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'latin1').trim().toLowerCase();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fromSystemError(error, `could not read the trigger file ${path}`);
  }
  if (text.startsWith('fast')) return 'fast';
  return text === '' || text.startsWith('smart') ? 'smart' : 'other content';
}

function checkTriggerFile(path: string, wish: Wish): Wish | undefined {
  const found = readTriggerFile(path);
  if (found === 'other content') {
    throw new ProgramError('file-exists', `will not replace ${path}: it is not a trigger file`, {
      detail: 'A trigger file says "smart" or "fast", or is empty.',
      hint: 'Move it away, or set restore.trigger_file to another path.',
    });
  }
  if (found === 'fast' && wish === 'smart') {
    throw new ProgramError('file-exists', `the trigger file ${path} says "fast" already`, {
      detail: 'Somebody has asked for a promotion that fetches nothing more, and it may have begun.',
      hint: 'To go on with that: triggerStandby fast. If it is a forgotten one, remove it first.',
    });
  }
  return found;
}

/** Whether the trigger files can be written, without doing it. */
export function checkTriggerFiles({ triggerFiles, wish }: Plan): void {
  for (const path of triggerFiles) {
    checkTriggerFile(path, wish);
    try {
      accessSync(dirname(path), constants.W_OK);
    } catch (error) {
      throw fromSystemError(error, `could not write the trigger file ${path}`);
    }
  }
}

/** Writes them durably; one that says the same already is left as it is, and smart becomes fast. */
export function writeTriggerFiles({ triggerFiles, wish }: Plan, nodeId: string): void {
  for (const path of triggerFiles) {
    const found = checkTriggerFile(path, wish);
    if (found === undefined && createSmallFile(path, `${wish}\n`, nodeId)) continue;
    // Somebody was quicker: what they wrote counts, unless it says less.
    if (checkTriggerFile(path, wish) !== wish) replaceSmallFile(path, `${wish}\n`, nodeId);
  }
}

/** Removes those that are there; returns the faults of those that could not be. */
export function removeTriggerFiles(paths: readonly string[]): Error[] {
  const faults: Error[] = [];
  for (const path of paths) {
    try {
      const found = readTriggerFile(path);
      if (found === undefined || found === 'other content') continue;
      unlinkSync(path);
      syncDirectory(dirname(path));
    } catch (error) {
      // The server removes its own trigger_file, which may be the same.
      if (errnoOf(error) !== 'ENOENT')
        faults.push(fromSystemError(error, `could not remove the trigger file ${path}`));
    }
  }
  return faults;
}
