// A question that a person at a terminal answers with yes or no. Where there is no terminal nobody is asked.
import { createInterface } from 'node:readline';

/** Whether somebody can be asked: both what they type and what they read is a terminal's. */
export const canAsk = (): boolean => process.stdin.isTTY && process.stderr.isTTY;

/** True only for "y" and "yes"; the end of the input is a no. */
export function confirm(question: string, stop: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      terminal.close();
      reject(stop.reason as Error);
    };
    if (stop.aborted) return onAbort();
    stop.addEventListener('abort', onAbort, { once: true });
    terminal.once('close', () => resolve(false));
    // Ctrl-C, which readline takes for itself, means the program.
    terminal.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    terminal.question(`${question} [y/N] `, (answer) => {
      stop.removeEventListener('abort', onAbort);
      resolve(/^y(es)?$/i.test(answer.trim()));
      terminal.close();
    });
  });
}
