// A restore_command that calls pg_standby: which trigger file it waits for. Reads the command line as a shell would, as
// far as such lines go: words, quotes, backslashes.
import { basename, resolve } from 'node:path';

/** Those of pg_standby's options that take a value. */
const withValue = 'krstw';

/** The words of a command line; `%p` and `%f` stay as they are. */
function wordsOf(commandLine: string): string[] {
  const word = /(?:'[^']*'|"(?:[^"\\]|\\.)*"|\\.|[^\s'"\\])+/gs;
  return [...commandLine.matchAll(word)].map(([text]) =>
    text.replace(
      /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/gs,
      (_, single?: string, double?: string, one?: string) => {
        if (double !== undefined) return double.replace(/\\(["\\$`])/g, '$1');
        return single ?? one ?? '';
      },
    ),
  );
}

/** The pg_standby of a restore_command and its -t, relative to the data directory; undefined where it calls none. */
export function readPgStandby(
  restoreCommand: string,
  dataDirectory: string,
): { triggerFile: string | undefined } | undefined {
  const words = wordsOf(restoreCommand.replaceAll('%%', '%'));
  const at = words.findIndex((word) => basename(word) === 'pg_standby');
  if (at === -1) return undefined;
  const options = words.slice(at + 1);
  for (let index = 0; index < options.length; index++) {
    const [, letters, letter, rest] =
      new RegExp(`^-([^${withValue}-]*)([${withValue}])(.*)$`, 's').exec(options[index]!) ?? [];
    if (letter === undefined || letters === undefined) continue;
    const value = rest === '' ? options[++index] : rest;
    if (letter === 't' && value !== undefined) return { triggerFile: resolve(dataDirectory, value) };
  }
  return { triggerFile: undefined };
}
