// local/environment.sh of 2warm: assignments of a shell, read and never run. What is more than an assignment of plain words
// is named, not guessed.
import { readCommandLine, type Piece } from '../../../postgres/command-line.ts';

export interface ReadEnvironment {
  /** By name; a name that is assigned twice has its last value. */
  values: ReadonlyMap<string, string>;
  /** Lines that were not understood: their number, and their text without what may be a password. */
  unread: readonly { line: number; text: string }[];
}

const assignment = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s;

/** The word with what the file itself has assigned before; undefined where the shell would do more. */
function expand(word: string, isPlain: boolean, values: ReadonlyMap<string, string>): string | undefined {
  // A tilde at the beginning of a value is the shell's, unless it is quoted, which nobody does.
  if (word.startsWith('~')) return undefined;
  if (isPlain) return word;
  let isWhole = true;
  const expanded = word.replace(
    /\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/g,
    (_, braced?: string, bare?: string) => {
      const name = (braced ?? bare)!;
      const value = values.get(name);
      // PATH is taken apart anyway: what the file does not know of it is left out.
      if (value === undefined && name !== 'PATH') isWhole = false;
      return value ?? '';
    },
  );
  return isWhole && !/[$`*?[~]/.test(expanded) ? expanded : undefined;
}

/** One command of a line: [export] NAME=word …, or export NAME …; whether it was one. */
function takeCommand(command: readonly Piece[], values: Map<string, string>): boolean {
  const words = command.map((piece) => ('word' in piece ? piece : { word: '', isPlain: false }));
  const isExport = words[0]?.word === 'export';
  for (const { word, isPlain } of isExport ? words.slice(1) : words) {
    const [, name, value] = assignment.exec(word) ?? [];
    if (name === undefined) {
      if (isExport && /^[A-Za-z_]\w*$/.test(word)) continue;
      return false;
    }
    const expanded = expand(value!, isPlain, values);
    if (expanded === undefined) return false;
    values.set(name, expanded);
  }
  return true;
}

/** The commands of a line; undefined where there is more between them than an end. */
function commandsOf(line: string): Piece[][] | undefined {
  const pieces = readCommandLine(line);
  if (pieces === undefined) return undefined;
  const commands: Piece[][] = [[]];
  for (const piece of pieces) {
    if ('word' in piece) commands.at(-1)!.push(piece);
    else if (piece.operator === ';' || piece.operator === '\n') commands.push([]);
    else return undefined;
  }
  return commands.filter((command) => command.length > 0);
}

/** A line may be anything: what stands after a name that sounds like a secret is not repeated. */
const withoutSecret = (text: string): string =>
  text.replace(/((?:pass|secret|token)\w*\s*=\s*).*/i, '$1…').trim();

export function readEnvironment(text: string): ReadEnvironment {
  const values = new Map<string, string>();
  const unread: { line: number; text: string }[] = [];
  // A backslash at the end joins a line with the next one; its number is that of the first.
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const first = at;
    let whole = lines[at]!;
    while (whole.endsWith('\\') && at + 1 < lines.length) whole = `${whole.slice(0, -1)}${lines[++at]}`;
    const commands = commandsOf(whole.replace(/\r$/, ''));
    const isRead = commands?.every((command) => takeCommand(command, values)) === true;
    if (!isRead) unread.push({ line: first + 1, text: withoutSecret(whole) });
  }
  return { values, unread };
}
