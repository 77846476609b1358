// The host names of a known_hosts line (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): plain, with a port, several with
// wildcards and negations, or one hashed; ssh_config has the same patterns. Pure; lines are known-hosts.ts.
import { createHmac } from 'node:crypto';
import { decodeBase64 } from './base64.ts';

/** 'db2' at the standard port, '[db2]:2222' at another one; in lower case as OpenSSH looks it up. */
export function nameInKnownHosts({
  host,
  port,
  alias,
}: {
  host: string;
  port: number;
  alias?: string | undefined;
}): string {
  if (alias !== undefined) return alias.toLowerCase();
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

/** What a line says of a name; 'damaged' where its hash cannot be read. */
export type Match = 'match' | 'no-match' | 'damaged';

/** Whether the first field of a line means this name. */
export function matchHosts(hosts: string, name: string): Match {
  if (hosts.startsWith('|')) return matchHash(hosts, name);
  return matchList(hosts.toLowerCase(), name) ? 'match' : 'no-match';
}

/** Patterns with commas between them, as they are written: capitals count. */
export function matchList(patterns: string, name: string): boolean {
  let isMeant = false;
  for (const pattern of patterns.split(',')) {
    const isNegated = pattern.startsWith('!');
    if (!matchWildcards(isNegated ? pattern.slice(1) : pattern, name)) continue;
    // One negation is enough, wherever it stands (match.c, match_pattern_list).
    if (isNegated) return false;
    isMeant = true;
  }
  return isMeant;
}

/** |1|salt|HMAC-SHA1 of the name with that salt (hostfile.c, host_hash). */
function matchHash(hosts: string, name: string): Match {
  const [, magic, salt = '', hash, ...more] = hosts.split('|');
  const key = decodeBase64(salt);
  if (magic !== '1' || key?.length !== 20 || hash === undefined || more.length > 0) return 'damaged';
  if (decodeBase64(hash)?.length !== 20) return 'damaged';
  return createHmac('sha1', key).update(name, 'latin1').digest('base64') === hash ? 'match' : 'no-match';
}

/** '*' is any text, '?' one character. Steps back to the last '*' only, so that no pattern takes long. */
export function matchWildcards(pattern: string, name: string): boolean {
  let [at, star, resume] = [0, -1, 0];
  for (let i = 0; i < name.length;) {
    if (pattern[at] === '*') [star, resume, at] = [at, i, at + 1];
    else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === name[i]))
      [at, i] = [at + 1, i + 1];
    else if (star < 0) return false;
    else [at, i, resume] = [star + 1, resume + 1, resume + 1];
  }
  return /^\**$/.test(pattern.slice(at));
}
