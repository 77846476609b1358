// rsync://user@host:port/module/path and rsync+ssh://user@host:port/absolute/path, without looking at disk or network.
// Loaded by who checks a configuration and by the road; the calls for each segment know only the scheme (road-url.ts).
import { readSshUrl, type UnusableRoad } from './ssh-url.ts';

export interface RsyncPlace {
  scheme: 'rsync' | 'rsync+ssh';
  user: string | undefined;
  /** Over ssh as it is written, because the patterns of ssh_config know capitals; else in lower case. IPv6 without brackets. */
  host: string;
  /** Undefined: that of the daemon (873), or what ssh takes for this host. */
  port: number | undefined;
  /** Without a slash at its end. Of a daemon '/module/path', over ssh an absolute directory. */
  path: string;
}

const examples = {
  rsync: 'such as rsync://db2/archive/main, where archive is a module of rsyncd.conf',
  'rsync+ssh': 'such as rsync+ssh://postgres@db2/var/lib/postgresql/15/twowarm/archive',
};

/** A password in the authority, with a slash or an @ in it, too. */
const hasPassword = /^[^/]+:\/\/(?!\[[0-9a-f:.]*\](?::\d*)?\/)[^/@:]*:.*@/is;

/** Reads a URL whose scheme is one of the two; what nobody can use comes with its cure, as the end of a sentence. */
export function readRsyncUrl(url: string): RsyncPlace | UnusableRoad {
  const scheme = /^rsync\+ssh:/i.test(url) ? 'rsync+ssh' : 'rsync';
  const unusable = (cure: string): UnusableRoad => ({
    kind: 'unusable',
    cure: `${cure}, ${examples[scheme]}`,
  });
  const isDaemon = scheme === 'rsync';
  if (hasPassword.test(url))
    return unusable(
      `a password has no place in a URL: ${isDaemon ? 'name its file in rsync.password_file' : 'log in with a key'}`,
    );
  const rest = url.slice(url.indexOf(':'));
  const road = readSshUrl(`ssh${rest}`);
  if (road.kind === 'unusable') {
    if (road.cure.startsWith('write '))
      return unusable(`write ${scheme}://user@host:port/${isDaemon ? 'module/path' : 'directory'}`);
    return unusable(road.cure.replace(/, such as .*$/s, ''));
  }
  const { user, directory: path } = road;
  const host = isDaemon ? road.host : road.written;
  // rsync takes them for patterns, and no version of it does so in the same way.
  if (/[*?[\]{}\\]/.test(path))
    return unusable('the directory must be without * ? [ ] { } and \\, which rsync takes for patterns');
  if (isDaemon && user !== undefined && /[@%]/.test(user)) return unusable('the user is not a name');
  if (isDaemon && !/^\/[\p{L}\p{N}_]/u.test(path))
    return unusable('a module begins with a letter, a digit or "_"');
  const port = /^:\/\/[^/]*:\d+(\/|$)/.test(rest) ? road.port : undefined;
  return { scheme, user, host, port, path };
}
