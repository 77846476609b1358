// ssh://user@host:port/absolute/path, or sftp://, without looking at disk or network. What it leaves out is filled in by
// whoever connects: ssh_config, the effective user. The other roads are in road-url.ts.

export interface SshRoad {
  kind: 'ssh';
  /** Undefined: ssh_config's, else the effective user of the process that connects. */
  user: string | undefined;
  /** In lower case; an IPv6 address without its brackets. By ssh_config it may stand for another one. */
  host: string;
  /** The same as it is written: the patterns of ssh_config know capitals. */
  written: string;
  /** Undefined: ssh_config's, else 22. */
  port: number | undefined;
  /** Absolute, without a slash at its end. */
  directory: string;
  /** By SFTP, without a receiver: sftp://. */
  isSftp?: true;
}

/** A URL that nobody can use, and what cures it, as the end of a sentence. */
export interface UnusableRoad {
  kind: 'unusable';
  cure: string;
}

const example = 'such as ssh://postgres@db2/var/lib/postgresql/15/twowarm/archive';

const unusable = (cure: string): UnusableRoad => ({ kind: 'unusable', cure });
const wrongForm = unusable(`write ssh://user@host:port and an absolute directory, ${example}`);
/** For whoever sees that there is one: with a slash in it it ends the part that it stands in. */
export const noPassword = unusable(`a password has no place in a URL: log in with a key, ${example}`);
const wrongUser = unusable(`the user is not a name: write @ in it as %40 and % as %25, ${example}`);
const wrongHost = unusable(`the host is not a name or an address: IPv6 stands in brackets, ${example}`);
const wrongPort = unusable(`the port must be a number from 1 to 65535, ${example}`);
const wrongPath = unusable(
  `the directory must be absolute, without "?", "#", control characters and the parts "." and "..", ${example}`,
);

/** Reads a URL whose scheme is ssh or sftp; one with a password is unusable. Only the user is percent-decoded; the path is taken as it is written. */
export function readSshUrl(url: string): SshRoad | UnusableRoad {
  const [, authority, path] = /^s(?:sh|ftp):\/\/([^/?#]*)(.*)$/is.exec(url) ?? [];
  if (authority === undefined || path === undefined) return wrongForm;
  const at = authority.lastIndexOf('@');
  const written = at < 0 ? undefined : authority.slice(0, at);
  const user = written === undefined ? undefined : decodeUser(written);
  if (user === null) return wrongUser;
  const [, host, , port] = /^(\[[^[\]]*\]|[^:]*)(:(.*))?$/s.exec(authority.slice(at + 1)) ?? [];
  const address = host === undefined ? undefined : readHost(host);
  if (address === undefined) return wrongHost;
  if (port !== undefined && (!/^[1-9]\d{0,4}$/.test(port) || Number(port) > 65_535)) return wrongPort;
  const directory = path.replace(/\/+$/, '');
  if (!isPlainDirectory(directory)) return path === '' || directory === '' ? wrongForm : wrongPath;
  const place = {
    kind: 'ssh',
    user,
    host: address,
    written: host!.replace(/^\[|\]$/g, ''),
    port: port === undefined ? undefined : Number(port),
    directory,
  } as const;
  return /^sftp:/i.test(url) ? { ...place, isSftp: true } : place;
}

/** Null for what is no user's name. */
function decodeUser(written: string): string | null {
  try {
    const user = decodeURIComponent(written);
    // A raw @ would leave in doubt where the host begins.
    return written.includes('@') || !/^[^\p{Cc}\s:/-][^\p{Cc}\s:/]*$/u.test(user) ? null : user;
  } catch {
    return null;
  }
}

function readHost(written: string): string | undefined {
  const host = written.toLowerCase();
  if (!host.startsWith('[')) return /^[a-z0-9_]([a-z0-9._-]*)$/.test(host) ? host : undefined;
  // With the zone of a link-local address: fe80::1%eth0.
  const [, address, zone = ''] = /^\[([0-9a-f:.]+)(%[a-z0-9._-]+)?\]$/.exec(host) ?? [];
  return address !== undefined && URL.canParse(`http://[${address}]/`) ? `${address}${zone}` : undefined;
}

function isPlainDirectory(path: string): boolean {
  return /^\/[^/]/.test(path) && !/[?#\p{Cc}]/u.test(path) && !/\/\.\.?(\/|$)/.test(path);
}
