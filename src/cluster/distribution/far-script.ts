// Runs a script on the far side. It travels on standard input, ahead of what it is to read, so that no login shell
// quotes or reads along; what it says comes back line by line.
import type { Writable } from 'node:stream';
import { ProgramError } from '../../program/program-error.ts';
import { shellWord } from '../../program/shell-word.ts';
import type { Login } from '../../transport/ssh/far-command.ts';
import { mark } from './script-parts.ts';

export interface FarLine {
  word: string;
  text: string;
}

/** What a script has left. */
export interface FarAnswer {
  lines: readonly FarLine[];
  /** The code of the shell; null or undefined where a signal or the connection ended it. */
  code: number | null | undefined;
  /** Of stderr. */
  said: string;
  /** What came before the script began. */
  noise: string;
  /** Why the connection was lost, if it was. */
  lost: Error | undefined;
}

export interface FarInput {
  /** Right behind the script. */
  first?: string;
  /** Called with each line. */
  hear?: (line: FarLine) => void;
  /** Called when the script says "send"; writes to the stream and ends it. */
  send?: (stream: Writable, heard: readonly FarLine[]) => Promise<void>;
}

/** Not read ahead: dd takes exactly the script, and leaves the rest of standard input to it. */
const commandFor = (script: Buffer): string => `sh -c 'eval "$(dd bs=1 count=${script.length} 2>/dev/null)"'`;

const wholeScript = (script: string, words: readonly string[]): Buffer =>
  Buffer.from(`set -- ${words.map(shellWord).join(' ')}\n${script}`);

class Hearing {
  readonly lines: FarLine[] = [];
  noise = '';
  private rest = '';
  private readonly heard: (line: FarLine) => void;

  constructor(heard: (line: FarLine) => void) {
    this.heard = heard;
  }

  take(bytes: Buffer): void {
    const all = (this.rest + bytes.toString('utf8')).split('\n');
    // What never ends a line is no script of ours.
    this.rest = all.pop()!.slice(0, 65_536);
    for (const line of all) this.line(line);
  }

  private line(line: string): void {
    if (!line.startsWith(mark)) {
      this.noise = `${this.noise}${line}\n`.slice(0, 2000);
      return;
    }
    const [, word, text] = /^(\S+) ?(.*)$/.exec(line.slice(mark.length)) ?? [];
    const spoken = { word: word ?? '', text: text ?? '' };
    this.lines.push(spoken);
    this.heard(spoken);
  }

  end(): void {
    if (this.rest !== '') this.line(this.rest);
  }
}

/**
 * Runs it to its end, whatever that is; throws only the reason of `signal`, faults of what is sent, and where the far side
 * runs no command at all.
 */
export async function runFarScript(
  login: Login,
  script: string,
  words: readonly string[],
  signal: AbortSignal,
  { first = '', hear, send }: FarInput = {},
): Promise<FarAnswer> {
  signal.throwIfAborted();
  const onAbort = (): void => login.close();
  signal.addEventListener('abort', onAbort);
  try {
    const bytes = wholeScript(script, words);
    const { stream, ended } = await login.run(commandFor(bytes));
    let sending: Promise<unknown> | undefined;
    const hearing = new Hearing((line) => {
      hear?.(line);
      if (line.word === 'send' && send !== undefined)
        sending = send(stream, hearing.lines).catch((error: unknown) => error);
    });
    stream.on('data', (chunk: Buffer) => hearing.take(chunk));
    // The script may end before it has read everything.
    stream.on('error', () => undefined);
    stream.write(Buffer.concat([bytes, Buffer.from(first)]));
    if (send === undefined) stream.end();
    const ending = await ended;
    hearing.end();
    stream.destroy();
    const fault = await sending;
    signal.throwIfAborted();
    // What broke because the far side had ended is told by the far side.
    if (fault instanceof ProgramError) throw fault;
    return { ...ending, lines: hearing.lines, noise: hearing.noise };
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The last text behind the word, if it was said. */
export const textOf = (lines: readonly FarLine[], word: string): string | undefined =>
  lines.findLast((line) => line.word === word)?.text;

/** Every text behind the word. */
export const textsOf = (lines: readonly FarLine[], word: string): string[] =>
  lines.filter((line) => line.word === word).map(({ text }) => text);
