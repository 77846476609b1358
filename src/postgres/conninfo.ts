// Connection strings of libpq, both forms: 'host=/run/postgresql dbname=postgres' and 'postgresql://user@host/database'
// (PostgreSQL's documentation, "Connection Strings"). Pure; who connects is client.ts.
import { ProgramError } from '../program/program-error.ts';

/** The keywords that are used. The rest of libpq's is taken and has no effect here. */
export const usedKeywords = [
  'host',
  'hostaddr',
  'port',
  'dbname',
  'user',
  'password',
  'passfile',
  'options',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
] as const;
export type Conninfo = Partial<Record<(typeof usedKeywords)[number], string>>;

const withoutEffect =
  /^(connect_timeout|application_name|fallback_application_name|client_encoding|keepalives.*|tcp_user_timeout|replication|gss.*|krb.*|ssl.*|channel_binding|require.*|target_session_attrs|load_balance_hosts|min_protocol_version|max_protocol_version)$/;

const refuse = (what: string): never => {
  // The string itself may hold a password.
  throw new ProgramError('settings', `cannot use node.conninfo: ${what}`, {
    hint: "Write it as for libpq, such as 'host=/var/run/postgresql dbname=postgres'.",
  });
};

/** What a connection string says. A `settings` error, without its values, for one that libpq would refuse. */
export function parseConninfo(text: string): Conninfo {
  const pairs = /^postgres(?:ql)?:\/\//.test(text) ? pairsOfUrl(text) : pairsOfWords(text);
  const known: Conninfo = {};
  for (const [name, value] of pairs) {
    const keyword = usedKeywords.find((each) => each === name);
    if (keyword !== undefined) known[keyword] = value;
    else if (name === 'service') refuse('services are not read');
    else if (!withoutEffect.test(name)) refuse(`there is no keyword "${name}"`);
  }
  if ([known.host, known.hostaddr, known.port].some((value) => value?.includes(',')))
    refuse('it names several servers, but this node is one');
  return known;
}

/** keyword = value, the value bare or in single quotes; a backslash takes the next character as it is (fe-connect.c). */
function pairsOfWords(text: string): [string, string][] {
  const pairs: [string, string][] = [];
  const pair = /\s*([^\s=]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)(?:[^\s\\]|\\.)*|))(?=\s|$)/sy;
  let at = 0;
  while (text.slice(at).trim() !== '') {
    pair.lastIndex = at;
    const found = pair.exec(text);
    if (found === null) return refuse('expected keyword=value, quoted where there are spaces');
    pairs.push([found[1]!, (found[2] ?? found[3]!).replace(/\\(.)/gs, '$1')]);
    at = pair.lastIndex;
  }
  return pairs;
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse('it holds a % that is not the beginning of %XX');
  }
};

function pairsOfUrl(text: string): [string, string][] {
  const parts =
    /^postgres(?:ql)?:\/\/(?:([^:@/?]*)(?::([^@/?]*))?@)?(\[[^\]]*\]|[^:/?]*)(?::([^/?]*))?(?:\/([^?]*))?(?:\?(.*))?$/s.exec(
      text,
    );
  if (parts === null) return refuse('expected postgresql://user@host:port/database');
  const [, user, password, host, port, dbname, query] = parts;
  const named = { user, password, host: host?.replace(/^\[(.*)\]$/, '$1'), port, dbname };
  const pairs = Object.entries(named).flatMap(([name, value]): [string, string][] =>
    value ? [[name, decoded(value)]] : [],
  );
  for (const pair of query?.split('&') ?? []) {
    const [name = '', value] = pair.split('=');
    if (value === undefined) return refuse('expected name=value after the question mark');
    pairs.push([decoded(name), decoded(value)]);
  }
  return pairs;
}
