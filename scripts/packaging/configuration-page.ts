// twowarm.toml(5), from the declarations of the configuration keys.
import type { z } from 'zod';
import { sections } from '../../src/program/settings/keys.ts';
import { heading, keysOf, type DeclaredKey } from '../configuration-keys.ts';
import { configurationFiles, type Places } from './command-page.ts';
import { bold, escape, literal, page, paragraph, prose, references, section, subsection } from './roff.ts';

function keyEntry({ name, words }: DeclaredKey): string {
  const value = words.required
    ? ' Required.'
    : words.default === undefined
      ? ''
      : ` Default: ${words.default}.`;
  const missing = words.missing === undefined ? '' : ` Not built yet: ${words.missing}.`;
  const example = words.example === undefined ? [] : [`.br\n${prose(`Example: ${name} = ${words.example}`)}`];
  return [`.TP\n${bold(name)}\n${prose(`${words.summary}${value}${missing}`)}`, ...example].join('\n');
}

const example = [
  '[node]',
  "data_directory = '/var/lib/postgresql/15/main'",
  '',
  '[destination.db2]',
  "url = 'ssh://postgres@db2/var/lib/postgresql/15/twowarm/archive'",
];

/** twowarm.toml.5 */
export function renderConfigurationPage(places: Places): string {
  const keys = Object.entries(sections).flatMap(([name, declared]) => [
    subsection(heading(name)),
    ...keysOf(declared as z.ZodObject).map(keyEntry),
  ]);
  return page(
    { name: 'twowarm.toml', section: 5, version: places.version },
    section('NAME', `twowarm.toml \\- ${escape('configuration of one node of twowarm')}`),
    section(
      'DESCRIPTION',
      prose(
        'A file in TOML 1.0. It belongs to root or to the owner of the data directory, and nobody else may write it. A key that is not known is refused, with the nearest one that is. configSetup prints what is in force and where each value came from.',
      ),
      paragraph(
        "Durations are a number and a unit in quotes: '500ms', '5s', '2min', '1h', '1d'. The smallest file that ships WAL:",
      ),
      literal(example),
    ),
    section('KEYS', ...keys),
    ...configurationFiles(),
    section(
      'SEE ALSO',
      references([
        ['twowarm', 1],
        ['configSetup', 1],
      ]),
    ),
  );
}
