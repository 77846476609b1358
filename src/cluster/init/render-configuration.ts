// twowarm.toml as init writes it: the smallest useful form, each key with the first sentence of its declaration.
import { summaryOf, type SectionName } from '../../program/settings/one-key.ts';
import type { Answers, PlannedDestination } from './answers.ts';

type Value = string | readonly string[] | undefined;

/** Literal strings are the plainest; one with a quote or a control character in it needs the other form. */
const quoted = (text: string): string =>
  /['\p{Cc}]/u.test(text) ? JSON.stringify(text).replaceAll('\u007f', '\\u007F') : `'${text}'`;

const toml = (value: string | readonly string[]): string =>
  typeof value === 'string' ? quoted(value) : `[${value.map(quoted).join(', ')}]`;

/** Up to the first full stop that ends a sentence. */
const firstSentence = (summary: string): string => /^.*?\.(?=\s|$)/s.exec(summary)?.[0] ?? summary;

const width = 110;

function comment(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && `${last} ${word}`.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`# ${word}`);
  }
  return lines;
}

function section(name: SectionName, heading: string, values: Record<string, Value>): string[] {
  const said = Object.entries(values).filter(([, value]) => value !== undefined);
  if (said.length === 0) return [];
  const lines = said.flatMap(([key, value]) => [
    ...comment(firstSentence(summaryOf(name, key))),
    `${key} = ${toml(value!)}`,
  ]);
  return ['', `[${heading}]`, ...lines];
}

function destination(
  { name, url, policy, dataDirectory }: PlannedDestination,
  all: readonly PlannedDestination[],
) {
  const required = all.filter((each) => each.policy === 'required').map((each) => each.name);
  return section('destination', `destination.${name}`, {
    url,
    // The default needs no line.
    policy: policy === 'required' ? undefined : policy,
    for: policy === 'fallback' ? required : undefined,
    data_directory: dataDirectory,
  });
}

/** The text of the configuration; `archiveDirectory` is left out where it is the home's own. */
export function renderConfiguration(dataDirectory: string, answers: Answers): string {
  const destinations = answers.destinations ?? [];
  const lines = [
    `# twowarm.toml - the configuration of ${answers.name ?? 'this node'}, written by twowarm init. docs/options.md has every key;`,
    '# configSetup shows what is in force. Mode 0600, owned by the owner of the data directory.',
    ...section('node', 'node', {
      name: answers.name,
      // The other roles change.
      role: answers.role === 'dr' ? 'dr' : undefined,
      data_directory: dataDirectory,
      pg_bindir: answers.pgBindir,
      conninfo: answers.conninfo,
      start_command: answers.startCommand,
      stop_command: answers.stopCommand,
      reload_command: answers.reloadCommand,
    }),
    ...section('archive', 'archive', { directory: answers.archiveDirectory }),
    ...destinations.flatMap((each) => destination(each, destinations)),
    ...section('restore', 'restore', { sources: answers.sources }),
    ...section('ssh', 'ssh', {
      config_file: answers.sshConfigFile,
      identity_files: answers.identityFiles,
      copy_identity_files: answers.copyIdentityFiles,
      known_hosts: answers.knownHosts,
      receiver: answers.receiver,
      connect_limit: answers.connectLimit,
    }),
    ...section('cluster', 'cluster', { arbiter: answers.arbiter || undefined }),
  ];
  return `${lines.join('\n')}\n`;
}
