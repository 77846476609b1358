// postmaster.opts: the command line that the server of a data directory was last started with. The postmaster writes it
// at each start, before recovery begins (CreateOptsFile in src/backend/postmaster/postmaster.c), and never removes it.
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { errnoOf } from '../program/program-error.ts';
import type { Assignment } from './parse-configuration.ts';

export interface PostmasterOptions {
  file: string;
  /** Absolute, the path of the server's program; undefined when there is no readable file. */
  program?: string;
  /** -D, as it was given; perhaps relative to a directory that nobody remembers. */
  directory?: string;
  /** Settings of the command line, in its order. */
  assignments: Assignment[];
  /** Why the command line is not known; a file that does not exist is no problem: no server has run here. */
  problem?: string;
}

/** Options of the postmaster (PostgresMain's are the same) that take an argument, and those that set something. */
const withArgument = 'BCDNSWcdfhkoprt-';
const settingOf: Record<string, string> = {
  B: 'shared_buffers',
  h: 'listen_addresses',
  k: 'unix_socket_directories',
  N: 'max_connections',
  p: 'port',
  S: 'work_mem',
};
const switches: Record<string, Assignment> = {
  F: { name: 'fsync', value: 'false' },
  i: { name: 'listen_addresses', value: '*' },
  l: { name: 'ssl', value: 'true' },
};

/** What the server of this data directory was started with. */
export function readPostmasterOptions(dataDirectory: string): PostmasterOptions {
  const file = join(dataDirectory, 'postmaster.opts');
  const options: PostmasterOptions = { file, assignments: [] };
  let text: string;
  try {
    text = readFileSync(file, 'utf8').replace(/\n$/, '');
  } catch (error) {
    const code = errnoOf(error);
    return code === 'ENOENT'
      ? options
      : { ...options, problem: `could not read ${file}: ${code ?? 'error'}` };
  }
  // Each argument in double quotes, and nothing escaped: a quote within one may look like the end of it.
  const begin = text.indexOf(' "');
  options.program = begin < 0 ? text : text.slice(0, begin);
  const words = begin < 0 ? [] : text.slice(begin + 2).split('" "');
  const last = words.at(-1);
  const whole = isAbsolute(options.program) && (last === undefined || last.endsWith('"'));
  if (last !== undefined) words[words.length - 1] = last.slice(0, -1);
  if (!whole || !readWords(words, options)) options.problem = `${file} is not a command line of a server`;
  return options;
}

/** Takes the words as getopt does; false when there is one that the postmaster would have refused. */
function readWords(words: string[], options: PostmasterOptions): boolean {
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (!word.startsWith('-') || word === '-' || word === '--') return false;
    for (let place = 1; place < word.length; place++) {
      const option = word[place]!;
      if (!withArgument.includes(option)) {
        if (!/[A-Za-z]/.test(option)) return false;
        if (switches[option] !== undefined) options.assignments.push(switches[option]);
        continue;
      }
      const argument = place + 1 < word.length ? word.slice(place + 1) : words[++at];
      if (argument === undefined || !readOption(option, argument, options)) return false;
      break;
    }
  }
  return true;
}

function readOption(option: string, argument: string, options: PostmasterOptions): boolean {
  if (option === 'D') options.directory = argument;
  const name = settingOf[option];
  if (name !== undefined) options.assignments.push({ name, value: argument });
  if (option !== 'c' && option !== '-') return true;
  const end = argument.indexOf('=');
  if (end < 1) return false;
  // ParseLongOption (src/backend/utils/misc/guc.c)
  const long = argument.slice(0, end).replaceAll('-', '_').toLowerCase();
  options.assignments.push({ name: long, value: argument.slice(end + 1) });
  return true;
}

/** The directory of the server's programs; undefined where no server has run, or the file cannot be read. */
export function programDirectoryFromOpts(dataDirectory: string): string | undefined {
  const { program, problem } = readPostmasterOptions(dataDirectory);
  return program === undefined || problem !== undefined ? undefined : dirname(program);
}
