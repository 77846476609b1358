// What the real ssh makes of a configuration (ssh -G), and what we make of it, in the same form.
import { spawnSync } from 'node:child_process';
import { userInfo } from 'node:os';
import { evaluate, type Asked, type Evaluated } from '../../../../src/transport/ssh/config/evaluate.ts';
import { readHostSettings, type HostSettings } from '../../../../src/transport/ssh/config/host-settings.ts';
import { hopWords } from '../../../../src/transport/ssh/config/jump.ts';
import { configSources } from '../../../../src/transport/ssh/config/sources.ts';

/** The values that decide where a connection leads and what it trusts, by ssh's names. */
export type Answers = Record<string, string[]>;

const compared = [
  'hostname',
  'port',
  'user',
  'identityfile',
  'identitiesonly',
  'identityagent',
  'userknownhostsfile',
  'globalknownhostsfile',
  'hostkeyalias',
  'addressfamily',
  'connecttimeout',
  'proxyjump',
];

/** Undefined where ssh refuses the configuration. */
export function askSsh(
  file: string,
  { host, user, port }: Partial<Asked> & { host: string },
): Answers | undefined {
  const words = [
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
  ];
  const { status, stdout, stderr } = spawnSync('ssh', ['-G', '-F', file, ...words, host], {
    encoding: 'utf8',
  });
  if (status === null) throw new Error(`ssh did not run: ${stderr}`);
  if (status !== 0) return undefined;
  const answers: Answers = {};
  for (const line of stdout.split('\n')) {
    const [, name = '', value = ''] = /^(\S+) (.*)$/.exec(line) ?? [];
    if (compared.includes(name)) (answers[name] ??= []).push(value);
  }
  return answers;
}

const account = { name: userInfo().username, home: userInfo().homedir };

export interface Ours {
  evaluated: Evaluated;
  settings: HostSettings;
}

/** What we make of it. */
export function askUs(file: string, { host, user, port }: Partial<Asked> & { host: string }): Ours {
  const asked = { host, user, port, hasJump: false };
  const evaluated = evaluate(asked, configSources(file, account.home), account);
  return { evaluated, settings: readHostSettings(asked, evaluated, { account, environment: process.env }) };
}

const defaultKeys = ['rsa', 'ecdsa', 'ecdsa_sk', 'ed25519', 'ed25519_sk', 'xmss', 'dsa'].map(
  (type) => `~/.ssh/id_${type}`,
);

/** Ours as ssh -G prints it: tokens of paths are not expanded there, and defaults are written out. */
export function inWordsOfSsh({ evaluated, settings }: Ours): Answers {
  const { said, identityFiles } = evaluated;
  const words = (keyword: string): string[] | undefined =>
    said.has(keyword) ? [said.get(keyword)!.words.join(' ')] : undefined;
  const optional = (name: string, values: string[] | undefined): Answers =>
    values === undefined ? {} : { [name]: values };
  const { jump, family, connectLimitMs, userKnownHosts, agent } = settings;
  const paths = (found: HostSettings['userKnownHosts']): string | undefined =>
    found && (found.value.join(' ') || 'none');
  return {
    hostname: [settings.host.value],
    port: [String(settings.port.value)],
    user: [settings.user.value],
    identityfile: identityFiles.length === 0 ? defaultKeys : identityFiles.map((each) => each.words[0]!),
    identitiesonly: [settings.identitiesOnly ? 'yes' : 'no'],
    userknownhostsfile: [
      paths(userKnownHosts) ?? `${account.home}/.ssh/known_hosts ${account.home}/.ssh/known_hosts2`,
    ],
    globalknownhostsfile: [
      words('globalknownhostsfile')?.[0] ?? '/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2',
    ],
    addressfamily: [{ 4: 'inet', 6: 'inet6' }[family!] ?? 'any'],
    connecttimeout: [connectLimitMs === undefined ? 'none' : String(connectLimitMs / 1000)],
    ...optional('hostkeyalias', words('hostkeyalias')),
    ...optional(
      'identityagent',
      words('identityagent')?.map((word) => (word.startsWith('~') ? agent!.value! : word)),
    ),
    ...optional('proxyjump', jump.value.length === 0 ? undefined : [jump.value.map(hopWords).join(',')]),
  };
}
