// The one door to @inquirer: questions at a terminal. They go to stderr, so that the answer of a command can go elsewhere.
// Loaded only where there is somebody to ask.
import confirm from '@inquirer/confirm';
import input from '@inquirer/input';
import select from '@inquirer/select';

export interface Choice {
  value: string;
  words: string;
}

/** Ctrl-C at a question is what it is anywhere else: SIGINT, which ends the program the usual way. */
async function asked<T>(stop: AbortSignal, ask: (context: Context) => Promise<T>): Promise<T> {
  try {
    return await ask({ output: process.stderr, signal: stop });
  } catch (error) {
    if (error instanceof Error && error.name === 'ExitPromptError') {
      process.kill(process.pid, 'SIGINT');
      await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
    }
    stop.throwIfAborted();
    throw error;
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
