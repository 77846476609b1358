// The completion for bash: completion.bash with a table of every command, from the declarations.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { universalOptions } from '../../src/program/arguments.ts';
import type { Command, Option, Positional } from '../../src/program/command.ts';
import { loadCommands, manifest } from './man-pages.ts';

/** What stands for a value in the declarations, as far as the shell can say something of it. */
const kinds: Readonly<Record<string, string>> = {
  FILE: 'file',
  '%p': 'file',
  'KEY.pub': 'file',
  XLOGFILEPATH: 'file',
  DIR: 'directory',
  DIRECTORY: 'directory',
  ARCHIVELOCATION: 'directory',
};

const kindOf = (name: string): string => kinds[name] ?? '-';

function argumentOf({ name, choices, completes, many }: Positional): string {
  const kind = choices === undefined ? (completes ?? kindOf(name)) : `=${choices.join(',')}`;
  return `${kind}${many === true ? '...' : ''}`;
}

const spellings = ({ name, alias }: Option): string[] => [
  `${name.length === 1 ? '-' : '--'}${name}`,
  ...(alias === undefined ? [] : [`-${alias}`]),
];

/** The words of the table are our own, but one with a blank or a quote would end it. */
function words(all: readonly string[]): string {
  const odd = all.find((word) => !/^[A-Za-z0-9_=,.:?%-]+$/.test(word));
  if (odd !== undefined) throw new Error(`cannot put ${JSON.stringify(odd)} into the completion for bash`);
  return `'${all.join(' ')}'`;
}

function declared(key: string, command: Command): string {
  const all = [...command.options, ...universalOptions];
  const valued = all.flatMap((option) =>
    option.argument === undefined
      ? []
      : spellings(option).map((word) => `${word}:${kindOf(option.argument!)}`),
  );
  return [
    `    ${key})`,
    `      options=${words(all.flatMap(spellings))}`,
    `      valued=${words(valued)}`,
    `      arguments=${words(command.positionals.map(argumentOf))}`,
    '      ;;',
  ].join('\n');
}

/** The file for /usr/share/bash-completion/completions/, or for `source`. */
export async function renderBashCompletion(): Promise<string> {
  const loaded = await loadCommands();
  return [
    readFileSync(join(import.meta.dirname, 'completion.bash'), 'utf8').trimEnd(),
    '',
    `_twowarm_commands=${words(Object.keys(loaded))}`,
    '_twowarm_declared() {',
    '  case $1 in',
    ...Object.entries(loaded).map(([key, command]) => declared(key, command)),
    '    *) return 1 ;;',
    '  esac',
    '}',
    '',
    `complete -F _twowarm ${Object.keys(manifest.bin).sort().join(' ')}`,
    '',
  ].join('\n');
}
