// What has to be done on the other nodes so that this one may log in there: lines for authorized_keys, and how their host
// keys become known here. Only lines to read and paste: what they ask for is a person's to decide.
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { exec, plainEnvironment } from '../../program/exec.ts';
import { installedAt } from '../../program/installed-at.ts';
import { ProgramError } from '../../program/program-error.ts';
import { readRoadUrl } from '../../program/road-url.ts';
import { shellWord } from '../../program/shell-word.ts';
import type { SshRoad } from '../../program/ssh-url.ts';
import { stopsOf } from '../../transport/ssh/config/target.ts';
import { keyOptions } from '../../transport/receiver/authorized-keys-line.ts';
import type { Answers, PlannedDestination } from './answers.ts';

export interface AuthorizedKey {
  node: string;
  /** 'postgres@db2' */
  login: string;
  right: 'archive' | 'base backups';
  /** PUBLIC-KEY stands where there is no key yet. */
  line: string;
}

export interface HostKey {
  host: string;
  /** Whose it is: the names of destinations, 'restore.sources', 'arbiter'. */
  of: string[];
  /** Commands for a shell here, in order, but for the one that is run over there. */
  scan: string;
  compare: string;
  accept: string;
}

/** A road over our receiver: what needs a line in authorized_keys. */
function sshRoadOf(url: string): SshRoad | undefined {
  const road = readRoadUrl(url);
  return road.kind === 'ssh' && road.isSftp !== true ? road : undefined;
}

const loginOf = ({ user, host }: SshRoad): string => (user === undefined ? host : `${user}@${host}`);

/** The public half of a key, as it stands in authorized_keys. */
function publicKeyOf(path: string | undefined): string {
  if (path === undefined || !existsSync(`${path}.pub`)) return 'PUBLIC-KEY';
  return readFileSync(`${path}.pub`, 'utf8').trim();
}

/** twowarm over there: where the configuration says so, else where it is here. */
function farProgram(receiver: string | undefined): string {
  return receiver !== undefined && isAbsolute(receiver) ? receiver : join(installedAt(), 'bin', 'twowarm');
}

/** Where this cluster has more than its data directory: the same places are needed over there. */
function placesOutside(dataDirectory: string): string[] {
  const links = [
    join(dataDirectory, 'pg_wal'),
    ...namesIn(join(dataDirectory, 'pg_tblspc')).map((oid) => join(dataDirectory, 'pg_tblspc', oid)),
  ];
  return links.flatMap((link) => {
    try {
      return [readlinkSync(link)];
    } catch {
      // No symbolic link.
      return [];
    }
  });
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function linesFor(each: PlannedDestination, answers: Answers, dataDirectory: string): AuthorizedKey[] {
  const road = sshRoadOf(each.url);
  if (road === undefined) return [];
  const program = farProgram(answers.receiver);
  const line = (words: readonly string[], key: string | undefined): string =>
    `${keyOptions([program, 'receive', ...words].map(shellWord).join(' '))} ${publicKeyOf(key)}`;
  const isSource = answers.sources?.some((url) => url === each.url) === true;
  const reading = isSource ? ['--allow-read'] : [];
  const base = { node: each.name, login: loginOf(road) };
  const archiving = line(['--directory', road.directory, ...reading], answers.identityFiles?.[0]);
  const outside = placesOutside(dataDirectory);
  const allowing = outside.length === 0 ? [] : ['--allow', outside.join(':')];
  const copyKey = answers.copyIdentityFiles?.[0];
  const copying =
    each.dataDirectory === undefined
      ? []
      : [
          {
            ...base,
            right: 'base backups' as const,
            line: line(['--data-directory', each.dataDirectory, ...allowing], copyKey),
          },
        ];
  return [{ ...base, right: 'archive', line: archiving }, ...copying];
}

/** The lines of every destination behind ssh, for the cluster in `dataDirectory`. */
export const authorizedKeys = (answers: Answers, dataDirectory: string): AuthorizedKey[] =>
  (answers.destinations ?? []).flatMap((each) => linesFor(each, answers, dataDirectory));

/** The names of destinations that are different directories behind one login: sshd takes the first line that a key has. */
export function oneLogin(answers: Answers): string[][] {
  const names = new Map<string, string[]>();
  for (const { name, url } of answers.destinations ?? []) {
    const road = sshRoadOf(url);
    if (road === undefined) continue;
    const login = `${loginOf(road)}:${road.port ?? ''}`;
    names.set(login, [...(names.get(login) ?? []), name]);
  }
  return [...names.values()].filter(({ length }) => length > 1);
}

async function isKnown(name: string, file: string | undefined, signal: AbortSignal): Promise<boolean> {
  const words = ['-F', name, ...(file === undefined ? [] : ['-f', file])];
  try {
    return (
      (await exec('ssh-keygen', words, { signal, environment: plainEnvironment(process.env) })).code === 0
    );
  } catch (error) {
    if (error instanceof ProgramError) return false;
    throw error;
  }
}

/** What ssh-keyscan, which reads no ssh_config, has to be told, and known_hosts has. */
async function scannedAs(
  road: SshRoad,
  configFile: string | undefined,
): Promise<Pick<SshRoad, 'written' | 'port'>> {
  try {
    const [stop, ...more] = await stopsOf(road, configFile);
    const settings = stop?.settings;
    // Over a jump host, or under another name, twowarm check has the line.
    if (settings === undefined || more.length > 0 || settings.hostKeyAlias !== undefined) return road;
    const port = settings.port.value;
    return { written: settings.host.value, port: port === 22 ? undefined : port };
  } catch (error) {
    // What is wrong with an ssh_config the check says.
    if (error instanceof ProgramError) return road;
    throw error;
  }
}

function stepsFor(
  { written, port }: Pick<SshRoad, 'written' | 'port'>,
  knownHosts: string | undefined,
): Omit<HostKey, 'of'> {
  const host = port === undefined ? written : `[${written}]:${port}`;
  const file = `${written}.hostkey`;
  const scan = ['ssh-keyscan', ...(port === undefined ? [] : ['-p', String(port)]), '-t', 'ed25519', written];
  return {
    host,
    scan: `${scan.map(shellWord).join(' ')} > ${shellWord(file)} && ssh-keygen -lf ${shellWord(file)}`,
    compare: 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub',
    accept: `cat ${shellWord(file)} >> ${knownHosts === undefined ? '~/.ssh/known_hosts' : shellWord(knownHosts)}`,
  };
}

/** How to make known the hosts that are not: of the roads of destinations, sources and arbiter. */
export async function unknownHosts(answers: Answers, signal: AbortSignal): Promise<HostKey[]> {
  const named = [
    ...(answers.destinations ?? []),
    ...(answers.sources ?? []).map((url) => ({ name: 'restore.sources', url })),
    ...(answers.arbiter ? [{ name: 'arbiter', url: answers.arbiter }] : []),
  ];
  const file = answers.knownHosts?.[0];
  const all = new Map<string, HostKey>();
  for (const { name, url } of named) {
    const road = readRoadUrl(url);
    if (road.kind !== 'ssh') continue;
    const steps = stepsFor(await scannedAs(road, answers.sshConfigFile), file);
    const before = all.get(steps.host)?.of ?? [];
    all.set(steps.host, { ...steps, of: [...new Set([...before, name])] });
  }
  const unknown: HostKey[] = [];
  for (const each of all.values()) if (!(await isKnown(each.host, file, signal))) unknown.push(each);
  return unknown;
}
