// All man pages by file name: one for each command, one for twowarm itself, one for the configuration.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commands } from '../../src/main/commands.ts';
import { universalOptions } from '../../src/program/arguments.ts';
import type { Command } from '../../src/program/command.ts';
import { pageName, renderCommandPage, type Places } from './command-page.ts';
import { renderConfigurationPage } from './configuration-page.ts';
import { bold, italic, page, paragraph, prose, references, section, tagged } from './roff.ts';

const root = join(import.meta.dirname, '..', '..');

export interface Manifest {
  version: string;
  bin: Readonly<Record<string, string>>;
  author?: string;
  license: string;
  description: string;
}

export const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;

/** Every command with the word that `twowarm` takes for it. Throws for a program of package.json that is none. */
export async function loadCommands(): Promise<Readonly<Record<string, Command>>> {
  const loaded = await Promise.all(
    Object.entries(commands).map(async ([key, load]) => [key, (await load()).command] as const),
  );
  const known = Object.fromEntries(loaded);
  for (const program of Object.keys(manifest.bin))
    if (program !== 'twowarm' && known[program]?.name !== program)
      throw new Error(`package.json has the program ${program}, which src/main/commands.ts does not have`);
  return known;
}

function renderOverview(loaded: Readonly<Record<string, Command>>, { version, documents }: Places): string {
  const universal = universalOptions.map(({ name, alias, summary }) =>
    tagged(`${bold(`-${alias}`)}, ${bold(`--${name}`)}`, summary),
  );
  return page(
    { name: 'twowarm', section: 1, version },
    section(
      'NAME',
      `twowarm \\- ${prose("ships PostgreSQL's write-ahead log to a standby and brings it back")}`,
    ),
    section(
      'SYNOPSIS',
      `${bold('twowarm')} ${italic('COMMAND')} [${italic('OPTION')}]... [${italic('ARGUMENT')}]...`,
    ),
    section(
      'DESCRIPTION',
      prose(
        'Runs one of the commands below; without one it lists them. A command that is also a program of its own is the same under both names. Each has --help and a page of its own.',
      ),
    ),
    section('COMMANDS', ...Object.entries(loaded).map(([key, { summary }]) => tagged(bold(key), summary))),
    section('OPTIONS', ...universal),
    section(
      'EXIT STATUS',
      prose('That of the command; 2 for an unknown one, 29 where the installation is incomplete.'),
    ),
    section(
      'FILES',
      prose(`The documents are in ${documents}.`),
      paragraph('The configuration is twowarm.toml.'),
    ),
    section(
      'SEE ALSO',
      references([
        ...Object.values(loaded).map((command) => [pageName(command), 1] as const),
        ['twowarm.toml', 5],
      ]),
    ),
  );
}

/** A page that is only another name for the page of a program: `twowarm relay` has its own, `twowarm pg_standby` has not. */
const otherName = (key: string, command: Command): string | undefined =>
  command.name === key ? `twowarm-${key}.1` : undefined;

/** The names of all pages, sorted. */
export async function manPageNames(): Promise<string[]> {
  const loaded = Object.entries(await loadCommands());
  const ofCommands = loaded.flatMap(([key, command]) => [
    `${pageName(command)}.1`,
    otherName(key, command) ?? [],
  ]);
  return ['twowarm.1', 'twowarm.toml.5', ...ofCommands.flat()].sort();
}

/** The pages by file name ('twowarm-relay.1'). */
export async function renderManPages(places: Places): Promise<ReadonlyMap<string, string>> {
  const loaded = await loadCommands();
  const pages = new Map<string, string>([
    ['twowarm.1', renderOverview(loaded, places)],
    ['twowarm.toml.5', renderConfigurationPage(places)],
  ]);
  for (const [key, command] of Object.entries(loaded)) {
    pages.set(`${pageName(command)}.1`, renderCommandPage(command, places));
    const other = otherName(key, command);
    if (other !== undefined) pages.set(other, `.so man1/${key}.1\n`);
  }
  return pages;
}
