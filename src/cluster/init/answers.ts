// What init has to know, and the first of the two places where it comes from: options. NAME=VALUE is taken apart, and every
// value is checked by the declaration of its key, so that an error names the option and not a line of a file that is not
// there yet.
import { parseConninfo } from '../../postgres/conninfo.ts';
import type { ProgramCall } from '../../program/command.ts';
import { ProgramError } from '../../program/program-error.ts';
import { withoutSecret } from '../../program/road-url.ts';
import { problemOfValue, type SectionName } from '../../program/settings/one-key.ts';

export const roles = ['primary', 'standby', 'dr'] as const;
export type NodeRole = (typeof roles)[number];

export interface PlannedDestination {
  name: string;
  url: string;
  policy: 'required' | 'fallback' | 'best-effort';
  /** Of that node. */
  dataDirectory?: string;
}

/** What goes into twowarm.toml beside the data directory; '' is none, undefined is not said. */
export interface Answers {
  role?: NodeRole;
  name?: string;
  pgBindir?: string;
  conninfo?: string;
  startCommand?: string;
  stopCommand?: string;
  reloadCommand?: string;
  archiveDirectory?: string;
  destinations?: PlannedDestination[];
  sources?: string[];
  arbiter?: string;
  receiver?: string;
  identityFiles?: string[];
  knownHosts?: string[];
  copyIdentityFiles?: string[];
  sshConfigFile?: string;
  connectLimit?: string;
}

const nameForm = /^[A-Za-z0-9_-]+$/;

export const problemOfName = (name: string): string | undefined =>
  nameForm.test(name) ? undefined : 'is not a name: use letters, digits, "-" and "_"';

const refuse = (flag: string, value: string, problem: string): never => {
  throw new ProgramError('usage', `cannot use --${flag} "${withoutSecret(value)}": it ${problem}`);
};

const listOf = ({ options }: ProgramCall, flag: string): readonly string[] =>
  (options[flag] as readonly string[] | undefined) ?? [];

/** NAME=VALUE as often as it was given. */
function namedValues(call: ProgramCall, flag: string): { name: string; value: string }[] {
  return listOf(call, flag).map((given) => {
    const [, name, value] = /^([^=]*)=(.*)$/s.exec(given) ?? [];
    if (name === undefined || value === undefined)
      return refuse(flag, given, 'must have a name and "=" before its value, such as db2=…');
    const problem = problemOfName(name);
    return problem === undefined ? { name, value } : refuse(flag, given, problem);
  });
}

function checked(flag: string, value: string, section: SectionName, key: string, given: unknown): string {
  const problem = problemOfValue(section, key, given);
  return problem === undefined ? value : refuse(flag, value, problem);
}

function text({ options }: ProgramCall, flag: string, section: SectionName, key: string): string | undefined {
  const value = options[flag];
  return typeof value === 'string' ? checked(flag, value, section, key, value) : undefined;
}

/** The destinations of --destination and --dr, with what --policy and --pgdata-of say of them. */
function destinationsOf(call: ProgramCall): PlannedDestination[] | undefined {
  const withoutNone = listOf(call, 'destination').filter((given) => given !== 'none');
  const isNone = withoutNone.length < listOf(call, 'destination').length;
  const words = { ...call, options: { ...call.options, destination: withoutNone } };
  const of = (flag: string, policy: PlannedDestination['policy']): PlannedDestination[] =>
    namedValues(words, flag).map(({ name, value }) => {
      checked(flag, `${name}=${value}`, 'destination', 'url', value);
      return { name, url: value, policy };
    });
  const found = [...of('destination', 'required'), ...of('dr', 'best-effort')];
  const twice = found.find(({ name }, index) => found.findIndex((each) => each.name === name) < index);
  if (twice !== undefined) refuse('destination', twice.name, 'is there twice');
  const one = (flag: string, name: string): PlannedDestination =>
    found.find((each) => each.name === name) ??
    refuse(flag, name, 'is no destination: name it with --destination or --dr');
  for (const { name, value } of namedValues(call, 'policy')) {
    checked('policy', `${name}=${value}`, 'destination', 'policy', value);
    one('policy', name).policy = value as PlannedDestination['policy'];
  }
  for (const { name, value } of namedValues(call, 'pgdata-of')) {
    checked('pgdata-of', `${name}=${value}`, 'destination', 'data_directory', value);
    one('pgdata-of', name).dataDirectory = value;
  }
  return found.length > 0 || isNone ? found : undefined;
}

function roleOf({ options }: ProgramCall): NodeRole | undefined {
  const given = options['role'];
  if (typeof given !== 'string') return undefined;
  return roles.find((role) => role === given) ?? refuse('role', given, `must be one of ${roles.join(', ')}`);
}

function sourcesOf(call: ProgramCall): string[] | undefined {
  const given = listOf(call, 'source').map((url) => checked('source', url, 'restore', 'sources', [url]));
  return given.length === 0 ? undefined : given;
}

/** A password would stand in the configuration, and in whatever keeps what is printed. */
function conninfoOf(call: ProgramCall): string | undefined {
  const given = text(call, 'conninfo', 'node', 'conninfo');
  if (given === undefined || parseConninfo(given).password === undefined) return given;
  throw new ProgramError('usage', 'cannot use --conninfo: a password has no place in it', {
    hint: "Put it into ~/.pgpass of the server's user.",
  });
}

/** What the options say; what they leave open is not there. */
export function answersOfOptions(call: ProgramCall): Answers {
  // Of a list, each is a path as this key is one.
  const [identity, copyIdentity, knownHosts] = ['identity', 'copy-identity', 'known-hosts'].map((flag) =>
    text(call, flag, 'archive', 'directory'),
  );
  const found: { [Key in keyof Answers]: Answers[Key] | undefined } = {
    role: roleOf(call),
    name: text(call, 'name', 'node', 'name'),
    pgBindir: text(call, 'pg-bindir', 'node', 'pg_bindir'),
    conninfo: conninfoOf(call),
    startCommand: text(call, 'start-command', 'node', 'start_command'),
    stopCommand: text(call, 'stop-command', 'node', 'stop_command'),
    reloadCommand: text(call, 'reload-command', 'node', 'reload_command'),
    archiveDirectory: text(call, 'archive', 'archive', 'directory'),
    destinations: destinationsOf(call),
    sources: sourcesOf(call),
    arbiter: text(call, 'arbiter', 'cluster', 'arbiter'),
    receiver: text(call, 'receiver', 'ssh', 'receiver'),
    ...(identity !== undefined && { identityFiles: [identity] }),
    ...(copyIdentity !== undefined && { copyIdentityFiles: [copyIdentity] }),
    ...(knownHosts !== undefined && { knownHosts: [knownHosts] }),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}
