// The man page of one command, from its declaration: the words of --help, in the order of a man page.
import { configurationLine, universalOptions } from '../../src/program/arguments.ts';
import type { Command, Option, Positional } from '../../src/program/command.ts';
import { exitStatusOf } from '../../src/program/exit-status.ts';
import {
  bold,
  escape,
  italic,
  literal,
  page,
  paragraph,
  prose,
  references,
  section,
  subsection,
  tagged,
} from './roff.ts';

/** Where the pages say that things are. */
export interface Places {
  version: string;
  /** The parent of bin/: '/usr', '/usr/local'. */
  prefix: string;
  /** Where docs/ is. */
  documents: string;
}

/** 'twowarm-relay' of 'twowarm relay': man finds it also as `man twowarm relay`. */
export const pageName = (command: Command): string => command.name.replaceAll(' ', '-');

const dashed = (name: string): string => `${name.length === 1 ? '-' : '--'}${name}`;

function optionHead({ name, alias, argument }: Option): string {
  const spellings = [...(alias === undefined ? [] : [`-${alias}`]), dashed(name)].map(bold).join(', ');
  return argument === undefined ? spellings : `${spellings} ${italic(argument)}`;
}

function synopsis(command: Command): string {
  const written = ({ name, required, many }: Positional): string =>
    `${required ? italic(name) : `[${italic(name)}]`}${many === true ? '...' : ''}`;
  return [bold(command.name), `[${italic('OPTION')}]...`, ...command.positionals.map(written)].join(' ');
}

const withChoices = ({ summary, choices }: Positional): string =>
  choices === undefined ? summary : `${summary} One of: ${choices.join(', ')}.`;

/** The lines that --help shows after the options: headings end in a colon, and a setting stands alone. */
function notes(lines: readonly string[]): string[] {
  const parts: string[] = [];
  let text: string[] = [];
  const flush = (): void => {
    if (text.length > 0) parts.push(paragraph(text.join(' ')));
    text = [];
  };
  for (const line of lines) {
    const isHeading = /^\S.*:$/.test(line);
    const isSetting = /^ +\w+ = \S+$/.test(line);
    if (line === '' || isHeading || isSetting) flush();
    if (isHeading) parts.push(subsection(line.slice(0, -1)));
    else if (isSetting) parts.push(literal([line.trim()]));
    else if (line !== '') text.push(line.trim());
  }
  flush();
  return parts;
}

function useSection(command: Command, prefix: string): string[] {
  const line = configurationLine(command, prefix);
  const told = notes(command.notes ?? []);
  if (line === undefined) return told.length > 0 ? [section('NOTES', ...told)] : [];
  const where = 'In postgresql.conf (--help prints the exact line for this installation):';
  return [section('CONFIGURATION', prose(where), literal([line]), ...told)];
}

function exitSection(command: Command, { documents }: Places): string {
  const { own, others, groups } = exitStatusOf(command);
  const rows = own.map(({ code, meaning }) => tagged(bold(String(code)), meaning));
  if (others === undefined) return section('EXIT STATUS', ...rows);
  const rest = groups.map(({ codes, what }) => tagged(bold(codes), what));
  return section('EXIT STATUS', ...rows, paragraph(`${others} errors.md, in ${documents}:`), ...rest);
}

/** FILES and ENVIRONMENT of whoever reads the configuration. */
export const configurationFiles = (): string[] => [
  section(
    'FILES',
    prose('The configuration is looked for in this order: --config FILE, $TWOWARM_CONFIG, and'),
    tagged(
      italic('HOME/twowarm.toml'),
      'HOME is the home of the node: $TWOWARM_HOME, else, beside the real path of the data directory, twowarm-<its base name> if that exists, else twowarm.',
    ),
    tagged(italic('/etc/twowarm/twowarm.toml'), 'where the home has none.'),
  ),
  section(
    'ENVIRONMENT',
    tagged(bold('TWOWARM_HOME'), 'The home of the node.'),
    tagged(bold('TWOWARM_CONFIG'), 'The configuration file to use.'),
    tagged(
      bold('PGDATA'),
      'The data directory, where neither --pgdata nor the working directory says which one.',
    ),
  ),
];

/** <name>.1 of a command. */
export function renderCommandPage(command: Command, places: Places): string {
  const reads = command.options.some(({ name }) => name === 'config');
  const given = command.positionals.map((each) => tagged(italic(each.name), withChoices(each)));
  const options = [...command.options, ...universalOptions].map((each) =>
    tagged(optionHead(each), each.summary),
  );
  const summary = command.summary.replace(/\.$/, '');
  const alsoAs = command.name.startsWith('twowarm ') ? '' : ` Also called as: twowarm ${command.name}.`;
  return page(
    { name: pageName(command), section: 1, version: places.version },
    section(
      'NAME',
      `${escape(pageName(command))} \\- ${prose(summary[0]!.toLowerCase() + summary.slice(1))}`,
    ),
    section('SYNOPSIS', synopsis(command)),
    section('DESCRIPTION', prose(`${command.summary}${alsoAs}`)),
    ...(given.length > 0 ? [section('ARGUMENTS', ...given)] : []),
    section('OPTIONS', ...options),
    ...useSection(command, places.prefix),
    exitSection(command, places),
    ...(reads ? configurationFiles() : []),
    section(
      'SEE ALSO',
      references([
        ['twowarm', 1],
        ['twowarm.toml', 5],
      ]),
    ),
  );
}
