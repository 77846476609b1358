// The one door to @inquirer: questions at a terminal. They go to stderr, so that the answer of a command can go elsewhere.
// Loaded only where there is somebody to ask.
import { once } from 'node:events';
import confirm from '@inquirer/confirm';
import input from '@inquirer/input';
import select from '@inquirer/select';

export interface Choice {
  value: string;
  words: string;
}

/** How long a question that is answered may take to say so after its input has paused, in ms. */
const settlingMs = 200;

/**
 * Ctrl-C, Ctrl-D and the end of the input are at a question what Ctrl-C is anywhere else: SIGINT, which ends the program the
 * usual way. The library hears of the first only: at the others it would wait for ever, or the process end, with success.
 */
async function asked<T>(stop: AbortSignal, ask: (context: Context) => Promise<T>): Promise<T> {
  const ended = new AbortController();
  const timers = [setInterval(() => undefined, 60_000)];
  // Closing itself is all that readline does then; it pauses its input with it.
  const onPause = (): void => void timers.push(setTimeout(() => ended.abort(), settlingMs));
  process.stdin.on('pause', onPause).on('end', onPause);
  try {
    return await ask({ output: process.stderr, signal: AbortSignal.any([stop, ended.signal]) });
  } catch (error) {
    if (ended.signal.aborted || (error instanceof Error && error.name === 'ExitPromptError')) {
      process.kill(process.pid, 'SIGINT');
      if (!stop.aborted) await once(stop, 'abort');
    }
    stop.throwIfAborted();
    throw error;
  } finally {
    process.stdin.off('pause', onPause).off('end', onPause);
    for (const timer of timers) clearTimeout(timer);
  }
}

interface Context {
  output: NodeJS.WritableStream;
  signal: AbortSignal;
}

/** A line of text; what is proposed is taken with Enter. Asked again as long as there is a problem with it. */
export const askText = (
  stop: AbortSignal,
  message: string,
  proposal: string | undefined,
  problemOf: (text: string) => string | undefined,
): Promise<string> =>
  asked(stop, async (context) => {
    const validate = (text: string): true | string => problemOf(text.trim()) ?? true;
    const proposed = proposal === undefined ? {} : { default: proposal };
    return (await input({ message, validate, ...proposed }, context)).trim();
  });

/** One of several; the arrow keys move. */
export const askChoice = (
  stop: AbortSignal,
  message: string,
  choices: readonly Choice[],
  proposal: string | undefined,
): Promise<string> =>
  asked(stop, (context) => {
    const shown = choices.map(({ value, words }) => ({ value, name: words }));
    return select({ message, choices: shown, ...(proposal !== undefined && { default: proposal }) }, context);
  });

/** Yes or no. */
export const askConfirmation = (stop: AbortSignal, message: string, proposal: boolean): Promise<boolean> =>
  asked(stop, (context) => confirm({ message, default: proposal }, context));
