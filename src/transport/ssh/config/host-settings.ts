// What the values of ssh_config mean for one host: types, defaults, tokens, and what of it is refused. Where the values
// come from is evaluate.ts; the way over jump hosts is read-way.ts.
import { hostname } from 'node:os';
import type { Place } from '../known-hosts.ts';
import { chooseAlgorithms, ours } from './algorithms.ts';
import { notSupported, wrongLine } from './config-faults.ts';
import type { Account, Asked, Evaluated, Said } from './evaluate.ts';
import type { Hop } from './jump.ts';
import { treatmentOf } from './keywords.ts';
import { expandHome, expandPath, expandTokens, type Fault, type Tokens } from './tokens.ts';
import {
  agentSocket,
  plainUser,
  readFamily,
  readHops,
  readNumber,
  readPort,
  readSeconds,
  yesOrNo,
} from './values.ts';

/** Something and the line that says so; undefined for what no line says. */
export interface Found<T> {
  value: T;
  at: Place | undefined;
}

export interface HostSettings {
  /** Where to connect, in lower case. */
  host: Found<string>;
  port: Found<number>;
  user: Found<string>;
  /** In order; may be missing. */
  identityFiles: readonly Found<string>[];
  identitiesOnly: boolean;
  /** A socket, or undefined for no agent at all; absent where no line says anything. */
  agent: Found<string | undefined> | undefined;
  userKnownHosts: Found<readonly string[]> | undefined;
  globalKnownHosts: Found<readonly string[]> | undefined;
  hostKeyAlias: string | undefined;
  family: 4 | 6 | undefined;
  connectLimitMs: number | undefined;
  /** Those that are left of ours, by kind; a kind that no line speaks of is absent. */
  algorithms: { [Kind in keyof typeof ours]?: string[] };
  /** The signatures that keys to log in with may make; undefined: each. */
  signatures: Found<readonly string[]> | undefined;
  leastRsaBits: Found<number> | undefined;
  /** In the order in which they are passed. */
  jump: Found<readonly Hop[]>;
}

export interface Surroundings {
  account: Account;
  environment: Readonly<Record<string, string | undefined>>;
}

const listKeywords = {
  kex: 'kexalgorithms',
  cipher: 'ciphers',
  hmac: 'macs',
  serverHostKey: 'hostkeyalgorithms',
} as const;

/** Throws `not-built` for what applies and is not supported, `settings` for values that ssh would not take either. */
export function readHostSettings(
  asked: Asked,
  evaluated: Evaluated,
  { account, environment }: Surroundings,
): HostSettings {
  const { said, identityFiles, hostName } = evaluated;
  const values = new Values(asked.host, said);
  values.refuse();
  const port = given(asked.port) ?? values.one('port', readPort) ?? { value: 22, at: undefined };
  const user = given(asked.user) ?? values.one('user', plainUser) ?? { value: account.name, at: undefined };
  const hostKeyAlias = values.one('hostkeyalias', (word) => word)?.value;
  const known = { hostName, port: port.value, user: user.value, alias: hostKeyAlias ?? asked.host };
  const tokens = tokensOf(asked.host, known, account);
  const expansion = { tokens, environment: withAccount(environment, account), home: account.home };
  const path = (word: string, fault: Fault): string => expandPath(word, expansion, fault);
  const { h, n, p, r } = tokens;
  return {
    host: { value: hostName, at: said.get('hostname')?.at },
    port,
    user,
    identityFiles: identityFiles.flatMap((each) => values.identityFile(each, path)),
    identitiesOnly: values.one('identitiesonly', yesOrNo)?.value ?? false,
    agent: values.one('identityagent', (word, fault) =>
      agentSocket(word, environment, (text) => path(text, fault)),
    ),
    userKnownHosts: values.paths('userknownhostsfile', path),
    globalKnownHosts: values.paths('globalknownhostsfile', (word, fault) =>
      expandHome(word, account.home, fault),
    ),
    hostKeyAlias,
    family: values.one('addressfamily', readFamily)?.value,
    connectLimitMs: values.one('connecttimeout', readSeconds)?.value,
    algorithms: values.algorithms(),
    signatures: values.list('pubkeyacceptedalgorithms', ours.serverHostKey),
    leastRsaBits: values.one('requiredrsasize', readNumber),
    jump: values.one('proxyjump', (word, fault) =>
      readHops(expandTokens(word, { h, n, p, r }, fault), fault),
    ) ?? { value: [], at: undefined },
  };
}

/** What the URL says. */
const given = <T>(value: T | undefined): Found<T> | undefined =>
  value === undefined ? undefined : { value, at: undefined };

function tokensOf(
  asked: string,
  { hostName, port, user, alias }: { hostName: string; port: number; user: string; alias: string },
  { name, home }: Account,
): Tokens {
  const full = hostname();
  const local = { u: name, d: home, i: String(process.geteuid?.() ?? ''), l: full, L: full.split('.')[0] };
  return { h: hostName, n: asked, p: String(port), r: user, k: alias, ...local };
}

/** PostgreSQL's environment need not have them; ssh's has. */
const withAccount = (
  environment: Surroundings['environment'],
  { name, home }: Account,
): Surroundings['environment'] => ({
  HOME: home,
  USER: name,
  LOGNAME: name,
  ...environment,
});

class Values {
  private readonly host: string;
  private readonly said: Evaluated['said'];

  constructor(host: string, said: Evaluated['said']) {
    this.host = host;
    this.said = said;
  }

  /** Throws for a keyword, or a value of one, that applies and is not supported. */
  refuse(): void {
    for (const { name, words, at } of this.said.values()) {
      const { treatment } = treatmentOf(name.toLowerCase())!;
      if (treatment.kind !== 'refused' || treatment.harmless?.test(words.join(' ')) === true) continue;
      const cure =
        treatment.harmless === undefined
          ? undefined
          : `Give ${this.host} a section of its own before that line, with "${name} ${/none/.test(treatment.harmless.source) ? 'none' : 'no'}".`;
      throw notSupported(name, treatment.why, { at, host: this.host, ...(cure !== undefined && { cure }) });
    }
    this.one('pubkeyauthentication', (word, _, at) => {
      if (/^(no|false)$/i.test(word)) throw this.withoutKey('PubkeyAuthentication no', at);
    });
    this.one('preferredauthentications', (word, _, at) => {
      if (!word.split(',').includes('publickey'))
        throw this.withoutKey(`PreferredAuthentications ${word}`, at);
    });
  }

  one<T>(keyword: string, read: (word: string, fault: Fault, at: Place) => T): Found<T> | undefined {
    const found = this.said.get(keyword);
    if (found === undefined) return undefined;
    const { words, at, name } = found;
    const fault = this.fault(name, at);
    // Of ProxyCommand only 'none' is left here.
    if (words.length > 1 && name !== 'ProxyCommand') throw fault('it has more than one argument');
    return { value: read(words[0]!, fault, at), at };
  }

  paths(keyword: string, path: (word: string, fault: Fault) => string): Found<string[]> | undefined {
    const found = this.said.get(keyword);
    if (found === undefined) return undefined;
    const { words, at, name } = found;
    if (words.length === 1 && words[0]!.toLowerCase() === 'none') return { value: [], at };
    return { value: words.map((word) => path(word, this.fault(name, at))), at };
  }

  identityFile({ words, at }: Said, path: (word: string, fault: Fault) => string): Found<string>[] {
    const fault = this.fault('IdentityFile', at);
    if (words.length > 1) throw fault('it has more than one argument');
    return words[0]!.toLowerCase() === 'none' ? [] : [{ value: path(words[0]!, fault), at }];
  }

  list(keyword: string, all: readonly string[]): Found<string[]> | undefined {
    return this.one(keyword, (word, _, at) => {
      const chosen = chooseAlgorithms(word, all);
      if (chosen.length > 0) return chosen;
      throw notSupported(`${this.said.get(keyword)!.name} ${word}`, 'twowarm has none of these algorithms', {
        at,
        host: this.host,
        cure: `Add one of ${all.join(', ')}.`,
      });
    });
  }

  algorithms(): HostSettings['algorithms'] {
    const found = Object.entries(listKeywords).flatMap(([kind, keyword]) => {
      const chosen = this.list(keyword, ours[kind as keyof typeof ours]);
      return chosen === undefined ? [] : [[kind, chosen.value]];
    });
    return Object.fromEntries(found) as HostSettings['algorithms'];
  }

  private fault(name: string, at: Place): Fault {
    return (wrong) => wrongLine(at, `${name}: ${wrong}`, this.host);
  }

  private withoutKey(what: string, at: Place): Error {
    return notSupported(what, 'twowarm logs in with a key', {
      at,
      host: this.host,
      cure: `Give ${this.host} a section of its own before that line that allows publickey.`,
    });
  }
}
