// The words of a pg_standby call, read as getopt(3) of glibc reads them. Not by yargs, as everywhere else: scripts rely on
// -t/tmp/x, -ds2, options after the arguments, and on --help being one only as the first word.
import { ProgramError } from '../../program/program-error.ts';

/** Options that take a value, and those that do not. */
const valued = 'krstvw';
const switches = 'cdl';

export interface Words {
  positionals: string[];
  /** By letter; the last one of a letter counts, and -d is a -v 4. */
  options: Record<string, string | boolean>;
}

/** A fault of the command line, with the way to learn more. */
export function usageFault(message: string): ProgramError {
  return new ProgramError('usage', message, { hint: 'Try "pg_standby --help" for more information.' });
}

/** Sorts the words; '--help' or '--version' if that is what the first one asks for. */
export function readWords(words: readonly string[]): Words | '--help' | '--version' {
  if (words[0] === '--help' || words[0] === '-?') return '--help';
  if (words[0] === '--version' || words[0] === '-V') return '--version';
  const read: Words = { positionals: [], options: {} };
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!;
    if (word === '--') {
      read.positionals.push(...words.slice(at + 1));
      break;
    }
    if (word === '-' || !word.startsWith('-')) read.positionals.push(word);
    else if (readGroup(word.slice(1), words[at + 1], read.options)) at += 1;
  }
  return read;
}

/** One word of grouped letters; true when its value is the next word. */
function readGroup(letters: string, next: string | undefined, options: Words['options']): boolean {
  for (const [at, letter] of [...letters].entries()) {
    if (valued.includes(letter)) {
      const attached = [...letters].slice(at + 1).join('');
      const value = attached === '' ? next : attached;
      if (value === undefined) throw usageFault(`option requires an argument: -${letter}`);
      options[letter] = value;
      return attached === '';
    }
    if (!switches.includes(letter)) throw usageFault(`invalid option: -${letter}`);
    options[letter] = true;
    if (letter === 'd') options['v'] = '4';
  }
  return false;
}
