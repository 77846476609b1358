// A parsed configuration against the declaration (keys.ts): every problem of it at once, each with its line.
// Touches neither disk nor network.
import type { z } from 'zod';
import { ProgramError } from '../program-error.ts';
import { didYouMean } from './did-you-mean.ts';
import { keyWords } from './key-parts.ts';
import { configurationSchema, sections, type Configuration } from './keys.ts';

type LineOf = (path: string) => number | undefined;

const sectionNames = Object.keys(sections);

/** The keys that could stand where an unknown one was found. */
function keysAt(path: readonly PropertyKey[]): string[] {
  if (path.length === 0) return sectionNames;
  const section = sections[path[0] as keyof typeof sections] as z.ZodObject | undefined;
  return section === undefined ? [] : Object.keys(section.shape);
}

function unknownKeys(issue: z.core.$ZodIssueUnrecognizedKeys): { path: string; words: string }[] {
  return issue.keys.map((key) => {
    const meant = didYouMean(key, keysAt(issue.path));
    const where = issue.path.length === 0 ? '' : ` in [${issue.path.join('.')}]`;
    const suggestion = meant === undefined ? '' : `; did you mean "${meant}"?`;
    return { path: [...issue.path, key].join('.'), words: `unknown key "${key}"${where}${suggestion}` };
  });
}

/** What TOML wants instead of a value of another type. */
const wanted: Record<string, string> = {
  string: "must be text in quotes, such as '5s'",
  boolean: 'must be true or false, without quotes',
  object: 'must be a table: write [destination.<name>], not [destination]',
  record: 'must be a table: write [destination.<name>]',
};

/** What a list of this key holds. */
const listed: Record<string, string> = {
  for: 'db2',
  sources: 'file:/mnt/archive',
  accept: 'not-durable',
  identity_files: '/var/lib/postgresql/.ssh/id_ed25519',
  known_hosts: '/etc/ssh/ssh_known_hosts',
};

function wantedAs(type: string, path: readonly PropertyKey[]): string | undefined {
  if (type !== 'array') return wanted[type];
  const sample = listed[String(path.at(-1))];
  return sample === undefined ? 'must be a list' : `must be a list, such as ['${sample}']`;
}

function describe(issue: z.core.$ZodIssue): { path: string; words: string }[] {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') return unknownKeys(issue);
  if (issue.code === 'invalid_type' && issue.message.includes('received undefined')) {
    return [{ path, words: `"${path}" is missing` }];
  }
  if (issue.code === 'invalid_key') {
    return [{ path, words: `"${path}" is not a name: use letters, digits, "-" and "_"` }];
  }
  if (issue.code === 'invalid_type')
    return [{ path, words: `"${path}" ${wantedAs(issue.expected, issue.path) ?? issue.message}` }];
  const words =
    issue.code === 'invalid_value'
      ? `must be one of ${issue.values.map((v) => `'${String(v)}'`).join(', ')}`
      : issue.message;
  return [{ path, words: `"${path}" ${words}` }];
}

/** The line of a key, or of the nearest thing around it that has one: an inline table has no lines of its own. */
function nearestLine(path: string, lineOf: LineOf): number | undefined {
  for (let around = path; around !== ''; around = around.slice(0, Math.max(0, around.lastIndexOf('.')))) {
    const line = lineOf(around);
    if (line !== undefined) return line;
  }
  return undefined;
}

function refuse(file: string, problems: { path: string; words: string }[], lineOf: LineOf): never {
  const placed = problems.map(({ path, words }) => ({
    words,
    line: nearestLine(path, lineOf),
  }));
  // What is missing comes last: it is often there, under a mistyped name that is reported, too.
  const isMissing = (words: string): number => Number(words.endsWith(' is missing'));
  const sentences = placed
    .sort((a, b) => isMissing(a.words) - isMissing(b.words) || (a.line ?? 0) - (b.line ?? 0))
    .map(({ words, line }) => (line === undefined ? words : `line ${line}: ${words}`));
  throw new ProgramError('settings', `cannot use the configuration ${file}: ${sentences[0]}`, {
    detail: sentences.length > 1 ? `Also ${sentences.slice(1).join('; ')}` : undefined,
  });
}

/** What this version lacks, by name; checked only once everything else is right. */
function refuseUnbuilt(
  file: string,
  section: z.ZodObject,
  prefix: string,
  values: object,
  lineOf: LineOf,
): void {
  for (const [key, value] of Object.entries(values)) {
    const schema = section.shape[key] as z.ZodType | undefined;
    const words = schema === undefined ? undefined : keyWords.get(schema);
    const missing = value === undefined ? undefined : words?.notBuilt?.(value);
    if (missing === undefined) continue;
    const line = nearestLine(`${prefix}.${key}`, lineOf);
    const where = line === undefined ? file : `${file}:${line}`;
    throw new ProgramError('not-built', `${missing} is not built yet (${where})`);
  }
}

/** The configuration with its defaults, or a `settings` or `not-built` error that names file and line. */
export function checkConfiguration(file: string, parsed: unknown, lineOf: LineOf): Configuration {
  const result = configurationSchema.safeParse(parsed);
  if (!result.success) refuse(file, result.error.issues.flatMap(describe), lineOf);
  for (const [name, values] of Object.entries(result.data)) {
    const section = sections[name as keyof typeof sections] as z.ZodObject;
    const tables = name === 'destination' ? Object.entries(values) : [['', values] as const];
    for (const [table, entries] of tables) {
      const prefix = table === '' ? name : `${name}.${table}`;
      refuseUnbuilt(file, section, prefix, entries as object, lineOf);
    }
  }
  return result.data;
}
