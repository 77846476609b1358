// The trigger file: how a person, or triggerStandby, tells a recovery to stop waiting. Looks only; removes nothing.
// What else can end a wait is in hear.ts.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { errnoOf } from '../program/program-error.ts';
import { triggerLockOf } from '../program/trigger-lock.ts';
import type { Asking } from './ask-sources.ts';

/** `smart`: what is there is restored first. `fast`: nothing more is. */
export type Told = 'nothing' | 'smart' | 'fast';

export interface TriggerFile {
  told: Told;
  /** True for a file without a word: its writer may not have finished. */
  isEmpty: boolean;
  /** Why a file that is there tells nothing, and when it was written, in ms. */
  ignored?: string;
  changedAt?: number;
}

/** Longer than any word we know, and short enough to read from whatever somebody has put there. */
const longestContent = 4096;

const ignored = (reason: string, changedAt = 0): TriggerFile => ({
  told: 'nothing',
  isEmpty: false,
  ignored: reason,
  changedAt,
});

/** The trigger file: empty or "smart", or "fast"; anything else tells nothing, and says why. */
export function readTriggerFile(path: string): TriggerFile {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return { told: 'nothing', isEmpty: false };
    // A FIFO would hold the call for ever.
    if (!stats.isFile()) return ignored('it is not a regular file');
    const unknownWord = ignored('its content is neither "smart" nor "fast"', stats.mtimeMs);
    if (stats.size > longestContent) return unknownWord;
    const word = /^\S*/.exec(readFileSync(path, 'latin1').trim())![0].toLowerCase();
    if (word === 'fast') return { told: 'fast', isEmpty: false };
    if (word === '' || word === 'smart') return { told: 'smart', isEmpty: word === '' };
    return unknownWord;
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    return code === 'ENOENT' ? { told: 'nothing', isEmpty: false } : ignored(`it cannot be read (${code})`);
  }
}

/** A writer that makes the file and then its word (a shell's >) is given this long, in ms. */
const settleMs = 50;

/** What the trigger file of this node tells; one that tells nothing although it is there is warned of once. */
export async function hearTriggerFile({ node, voice }: Asking): Promise<Told> {
  const path = node.settings.restore.triggerFile;
  let file = readTriggerFile(path);
  if (file.isEmpty) {
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    file = readTriggerFile(path);
  }
  if (file.ignored !== undefined) {
    const message = `ignored the trigger file ${path}: ${file.ignored}`;
    const { sayOnce } = await import('../program/say-once.ts');
    await sayOnce(node.identity.stateDirectory, 'trigger', `${message} ${file.changedAt}`, () =>
      voice.report('WARNING', { message, hint: 'Write "smart" or "fast" into it, or remove it.' }),
    );
  }
  return file.told;
}

/** The end of recovery is not ours to give: a standby asks again for ever, and after "fast" replays nothing more. */
const endsNoRecovery =
  'This file alone does not promote a standby: triggerStandby and pg_ctl promote do. If it is left over, remove it.';

/** How the server's log hears why an answer was "absent". `isAlone`: under a standby, without triggerStandby. */
export const toldToStop = (told: Told, at: string, isAlone = false): { message: string; hint?: string } => ({
  message: `restore_command stops waiting: it was told to by ${at}${told === 'fast' ? ' ("fast")' : ''}`,
  ...(isAlone && { hint: endsNoRecovery }),
});

/** As toldToStop, said in the server's log. */
export async function sayToldToStop(
  { mode, node, voice }: Asking,
  told: Told,
  at = node.settings.restore.triggerFile,
): Promise<void> {
  const byOurFile = mode === 'standby' && at === node.settings.restore.triggerFile;
  const isAlone = byOurFile && !existsSync(triggerLockOf(node.identity.stateDirectory));
  await voice.report('LOG', toldToStop(told, at, isAlone));
}

/** How often a look that takes long is interrupted to see whether there is still a reason for it, in ms. */
const listenEveryMs = 1000;

/**
 * Runs a look that the trigger file may end with "fast": a source that hangs must not hold up a failover. `look` gets
 * the request with a signal that also aborts then.
 */
export async function unlessToldFast<T>(
  asking: Asking,
  look: (asking: Asking) => Promise<T>,
): Promise<T | 'told fast'> {
  const told = new AbortController();
  const { triggerFile } = asking.node.settings.restore;
  const listening = setInterval(() => {
    if (readTriggerFile(triggerFile).told === 'fast') told.abort(new Error('told to stop'));
  }, listenEveryMs);
  try {
    return await look({ ...asking, stop: AbortSignal.any([asking.stop, told.signal]) });
  } catch (error) {
    if (told.signal.aborted && !asking.stop.aborted) return 'told fast';
    throw error;
  } finally {
    clearInterval(listening);
  }
}
