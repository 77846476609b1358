// The trigger file: how a person, or triggerStandby, tells a recovery to stop waiting. Looks only; removes nothing.
import { readFileSync, statSync } from 'node:fs';
import { errnoOf } from './program-error.ts';

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
