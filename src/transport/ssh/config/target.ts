// From an ssh: URL to where to log in and how: what the URL says first, then [ssh] of twowarm.toml, then ssh_config, then
// the defaults.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SshSettings } from '../../../program/settings/settings.ts';
import { shellWord } from '../../../program/shell-word.ts';
import type { SshRoad } from '../../../program/ssh-url.ts';
import type { Target } from '../login-target.ts';
import { hostKeyCheck } from '../host-key.ts';
import { candidatesOf, findCredentials, type LoginChoice } from '../keys.ts';
import { effectiveAccount } from '../known-hosts-files.ts';
import { keyTypeOf, rsaBitsOf } from '../public-key.ts';
import { publicPartOf } from '../private-key.ts';
import type { Found, HostSettings } from './host-settings.ts';
import { configSources, isAnyThere } from './sources.ts';
import type { Stop } from './read-way.ts';

const placeWords = ({ at }: Pick<Found<unknown>, 'at'>): string => `line ${at?.line} of ${at?.file}`;

/** The stops of the way, without an ssh_config the one host of the URL as it is. Throws what readWay throws. */
export async function stopsOf(
  road: Pick<SshRoad, 'user' | 'written' | 'port'>,
  configFile: string | undefined,
): Promise<Stop[]> {
  const account = effectiveAccount();
  const sources = configSources(configFile, account.home);
  const asked = { host: road.written, user: road.user, port: road.port };
  if (!isAnyThere(sources)) return [{ asked, settings: unwritten(asked, account.name) }];
  const { readWay } = await import('./read-way.ts');
  return readWay(asked, sources, { account, environment: process.env });
}

/** What counts where no line says anything. */
const unwritten = ({ host, user, port }: Stop['asked'], me: string): HostSettings => ({
  host: { value: host.toLowerCase(), at: undefined },
  port: { value: port ?? 22, at: undefined },
  user: { value: user ?? me, at: undefined },
  identityFiles: [],
  identitiesOnly: false,
  agent: undefined,
  userKnownHosts: undefined,
  globalKnownHosts: undefined,
  hostKeyAlias: undefined,
  family: undefined,
  connectLimitMs: undefined,
  algorithms: {},
  signatures: undefined,
  leastRsaBits: undefined,
  jump: { value: [], at: undefined },
});

/** Where to log in for the URL, over the jump hosts that lead there. Throws faults of ssh_config, keys and known_hosts files. */
export async function targetOf(road: SshRoad, login: SshSettings): Promise<Target> {
  const stops = await stopsOf(road, login.configFile);
  let target: Target | undefined;
  for (const [at, stop] of stops.entries()) target = targetAt(stop, stops.slice(at + 1), target, login);
  return target!;
}

/** `after`: where the way goes from there; none for the host of the URL. */
function targetAt(stop: Stop, after: readonly Stop[], via: Target | undefined, login: SshSettings): Target {
  const { settings } = stop;
  const choice = choiceOf(settings, login, after.length > 0);
  const credentials = findCredentials(choice);
  const [host, port] = [settings.host.value, settings.port.value];
  const notes = notesOf(stop, after);
  const check = hostKeyCheck({ host, port, alias: settings.hostKeyAlias }, knownHostsFiles(settings, login), {
    notes,
    askedFrom: via && `ssh ${shellWord(uriOf(via))}`,
    leastRsaBits: settings.leastRsaBits && {
      bits: settings.leastRsaBits.value,
      from: placeWords(settings.leastRsaBits),
    },
  });
  return {
    host,
    port,
    user: settings.user.value,
    keys: credentials.keys,
    agent: credentials.agent,
    passedOver: credentials.passedOver,
    hostKeyAlgorithms: check.algorithms,
    verify: (key) => check.verify(key),
    connectLimitMs: Math.min(login.connectLimitMs, settings.connectLimitMs ?? Infinity),
    via,
    isJump: after.length > 0,
    family: settings.family,
    algorithms: settings.algorithms,
    mayOffer: settings.identitiesOnly ? onlyOf(choice) : undefined,
    refusesKey: refusalOf(settings),
    notes,
  };
}

const uriOf = ({ user, host, port }: Target): string =>
  `ssh://${user}@${host.includes(':') ? `[${host}]` : host}:${port}`;

export const choiceOf = (settings: HostSettings, login: SshSettings, isJump: boolean): LoginChoice => ({
  identityFiles: login.identityFiles,
  agentSocket: login.agent,
  written: {
    files: settings.identityFiles.map((file) => ({ path: file.value, from: placeWords(file) })),
    agent: settings.agent && { path: settings.agent.value, from: placeWords(settings.agent) },
    isJump,
  },
  environment: process.env,
});

/** Undefined: those of the effective user and of the machine. */
export function knownHostsFiles(settings: HostSettings, login: SshSettings): readonly string[] | undefined {
  const { userKnownHosts, globalKnownHosts } = settings;
  if (login.knownHosts !== undefined) return login.knownHosts;
  if (userKnownHosts === undefined && globalKnownHosts === undefined) return undefined;
  const { home } = effectiveAccount();
  const users = userKnownHosts?.value ?? (home === undefined ? [] : [join(home, '.ssh', 'known_hosts')]);
  return [...users, ...(globalKnownHosts?.value ?? ['/etc/ssh/ssh_known_hosts'])];
}

/** What ssh_config says of the host, as sentences: where it leads, and where its key is looked up. */
function notesOf({ asked, settings }: Stop, after: readonly Stop[]): string[] {
  const { host, port, user, userKnownHosts, jump } = settings;
  const parts = [
    ...(host.at === undefined ? [] : [`host ${host.value} (${placeWords(host)})`]),
    ...(port.at === undefined ? [] : [`port ${port.value} (${placeWords(port)})`]),
    ...(user.at === undefined ? [] : [`user ${user.value} (${placeWords(user)})`]),
  ];
  const next = after.find((stop) => stop.settings.jump.at !== undefined);
  return [
    ...(parts.length === 0 ? [] : [`By ssh_config ${asked.host} is ${parts.join(', ')}.`]),
    ...(next === undefined
      ? []
      : [
          `${asked.host} is a jump host on the way to ${next.asked.host} (${placeWords(next.settings.jump)}).`,
        ]),
    ...(jump.value.length === 0 ? [] : [`The way leads over jump hosts (${placeWords(jump)}).`]),
    ...(userKnownHosts === undefined
      ? []
      : [`UserKnownHostsFile says where its key is looked up (${placeWords(userKnownHosts)}).`]),
  ];
}

/** With IdentitiesOnly: of an agent the keys whose public part is beside, or in, one of the files. */
function onlyOf(choice: LoginChoice): (key: Buffer) => boolean {
  const known = candidatesOf(choice).flatMap(({ path }) => [path, `${path}.pub`].map(publicPartIn));
  return (key) => known.some((each) => each?.equals(key) === true);
}

function publicPartIn(path: string): Buffer | undefined {
  try {
    return publicPartOf(readFileSync(path, 'latin1'));
  } catch {
    // What cannot be read allows nothing.
    return undefined;
  }
}

function refusalOf({ signatures, leastRsaBits }: HostSettings): Target['refusesKey'] {
  if (signatures === undefined && leastRsaBits === undefined) return undefined;
  return (key) => {
    const type = keyTypeOf(key) ?? '';
    const made = type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type];
    if (signatures !== undefined && !made.some((name) => signatures.value.includes(name)))
      return `PubkeyAcceptedAlgorithms does not have its type (${placeWords(signatures)})`;
    const bits = rsaBitsOf(key);
    if (leastRsaBits === undefined || bits === undefined || bits >= leastRsaBits.value) return undefined;
    return `it has ${bits} bits, and RequiredRSASize asks for ${leastRsaBits.value} (${placeWords(leastRsaBits)})`;
  };
}
