// docs/ssh-config.md: what is done with each keyword of ssh_config(5), rendered from the table that decides it.
import { keywords, type Treatment } from '../src/transport/ssh/config/keywords.ts';

function rows(kind: Treatment['kind'], words: (treatment: Treatment) => string): string[] {
  return Object.entries(keywords)
    .filter(([, treatment]) => treatment.kind === kind)
    .map(([name, treatment]) => `| \`${name}\` | ${words(treatment)} |`)
    .toSorted((a, b) => a.localeCompare(b, 'en'));
}

const table = (head: string, lines: string[]): string[] => [
  `| keyword | ${head} |`,
  '|---|---|',
  ...lines,
  '',
];

function whyRefused(treatment: Treatment): string {
  if (treatment.kind !== 'refused') return '';
  const { why, harmless } = treatment;
  if (harmless === undefined) return why;
  return `${why} (\`${harmless.test('none') ? 'none' : 'no'}\` is fine)`;
}

const introduction = `For \`ssh:\` URLs twowarm reads what ssh reads: \`~/.ssh/config\` of the owner of the data directory, then
\`/etc/ssh/ssh_config\`, with what they include; or the one file that \`ssh.config_file\` names. The first value of a keyword
counts. What the URL says goes before all of it, and what \`[ssh]\` of twowarm.toml says before ssh_config. \`configSetup\`
prints what is in force for each URL, with its file and line. A file that others than its owner and root may write is
refused, and so is a line that applies to the host and cannot be followed; what stands in sections of other hosts makes no
difference.`;

const plain = `Arguments stand plain or within double quotes. A backslash, a single quote, a quote or \`#\` within a word is refused, and so
are the token \`%C\`, the home of another user (\`~other\`) and paths that are not absolute.`;

/** The whole page. */
export const renderSshConfig = (generated: string): string =>
  [
    ...['# ssh_config', '', generated, '', introduction, '', '## Followed', ''],
    ...table(
      'how',
      rows('followed', (each) => (each.kind === 'followed' && each.how) || 'as ssh does'),
    ),
    ...[plain, '', '## Refused', ''],
    'Without them a connection would lead elsewhere, trust what ssh does not, or fail for a reason that is hard to find.',
    '',
    ...table('why', rows('refused', whyRefused)),
    'A keyword that nobody knows is refused, too, unless `IgnoreUnknown` before it names it.',
    ...['', '## Without effect', ''],
    'Without them a connection leads to the same place and trusts no more than ssh does.',
    '',
    ...table(
      'why',
      rows('no-effect', (each) => (each.kind === 'no-effect' ? each.why : '')),
    ),
  ].join('\n');
