// Where an ssh: URL leads and how this node logs in there, each value with the place it comes from: for configSetup.
import { ProgramError } from '../../../program/program-error.ts';
import { readRoadUrl, withoutSecret } from '../../../program/road-url.ts';
import type { SshSettings } from '../../../program/settings/settings.ts';
import { candidatesOf } from '../keys.ts';
import { defaultKnownHostsFiles } from '../known-hosts-files.ts';
import type { Found, HostSettings } from './host-settings.ts';
import type { Stop } from './read-way.ts';
import { choiceOf, knownHostsFiles, stopsOf } from './target.ts';

export interface InForceAt<T> {
  value: T;
  /** '<file>:<line>', 'URL', 'ProxyJump', 'default' or a key of twowarm.toml. */
  origin: string;
}

/** One login of the way. */
export interface LoginInForce {
  /** As the URL or a ProxyJump has it. */
  name: string;
  host: InForceAt<string>;
  port: InForceAt<number>;
  user: InForceAt<string>;
  /** In the order in which they are offered; may be missing. */
  keys: InForceAt<string>[];
  /** Null: none. */
  agent: InForceAt<string | null>;
  knownHosts: InForceAt<string[]>;
}

/** `logins`: the jump hosts in their order, and then the host of the URL. */
export type WayInForce = { url: string } & ({ logins: LoginInForce[] } | { fault: string });

/** Undefined for a URL that is not ssh:. What cannot be followed is told of as `fault`; nothing is connected to. */
export async function describeWay(url: string, login: SshSettings): Promise<WayInForce | undefined> {
  const road = readRoadUrl(url);
  if (road.kind !== 'ssh') return undefined;
  const shown = withoutSecret(url);
  try {
    const stops = await stopsOf(road, login.configFile);
    return { url: shown, logins: stops.map((stop, at) => loginAt(stop, at < stops.length - 1, login)) };
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    return { url: shown, fault: error.message };
  }
}

function loginAt({ asked, settings }: Stop, isJump: boolean, login: SshSettings): LoginInForce {
  const asker = isJump ? 'ProxyJump' : 'URL';
  const origin = ({ at }: Found<unknown>, isAsked: boolean): string =>
    at === undefined ? (isAsked ? asker : 'default') : `${at.file}:${at.line}`;
  const { host, port, user } = settings;
  return {
    name: asked.host,
    host: { value: host.value, origin: origin(host, true) },
    port: { value: port.value, origin: origin(port, asked.port !== undefined) },
    user: { value: user.value, origin: origin(user, asked.user !== undefined) },
    keys: keysOf(settings, login, isJump),
    agent: agentOf(settings, login),
    knownHosts: knownHostsOf(settings, login),
  };
}

const keysOf = (settings: HostSettings, login: SshSettings, isJump: boolean): InForceAt<string>[] =>
  candidatesOf(choiceOf(settings, login, isJump)).map(({ path, isNamed }) => {
    if (isNamed) return { value: path, origin: 'ssh.identity_files' };
    const at = settings.identityFiles.find(({ value }) => value === path)?.at;
    return { value: path, origin: at === undefined ? 'default' : `${at.file}:${at.line}` };
  });

function agentOf({ agent }: HostSettings, login: SshSettings): InForceAt<string | null> {
  if (login.agent !== undefined) return { value: login.agent, origin: 'ssh.agent' };
  if (agent?.at !== undefined)
    return { value: agent.value ?? null, origin: `${agent.at.file}:${agent.at.line}` };
  return { value: process.env['SSH_AUTH_SOCK'] || null, origin: 'SSH_AUTH_SOCK' };
}

function knownHostsOf(settings: HostSettings, login: SshSettings): InForceAt<string[]> {
  const value = [...(knownHostsFiles(settings, login) ?? defaultKnownHostsFiles())];
  if (login.knownHosts !== undefined) return { value, origin: 'ssh.known_hosts' };
  const at = (settings.userKnownHosts ?? settings.globalKnownHosts)?.at;
  return { value, origin: at === undefined ? 'default' : `${at.file}:${at.line}` };
}
