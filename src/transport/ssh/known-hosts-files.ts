// The known_hosts files of the effective user and of the machine: where they are and what is in them. What they say of
// a key is known-hosts.ts.
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { errnoOf, fromSystemError } from '../../program/program-error.ts';
import { parseKnownHosts, type KnownHosts } from './known-hosts.ts';

export interface Account {
  /** As it stands after "as" in a hint. */
  name: string;
  /** Undefined for a user id that no user database knows. */
  home: string | undefined;
}

/** Who this process is, from the user database: PostgreSQL's environment need not have HOME, and may have another's. */
export function effectiveAccount(): Account {
  try {
    const { username, homedir } = userInfo();
    return { name: username, home: homedir };
  } catch {
    return { name: `user id ${process.geteuid?.() ?? '?'}`, home: undefined };
  }
}

/** The files that ssh reads, too: the user's, where a new key is recorded, then the machine's. */
export function defaultKnownHostsFiles({ home } = effectiveAccount()): string[] {
  const ofMachine = '/etc/ssh/ssh_known_hosts';
  return home === undefined ? [ofMachine] : [join(home, '.ssh', 'known_hosts'), ofMachine];
}

/**
 * Reads them; one that is not there says nothing. One that cannot be read is a fault: it may hold the line that revokes
 * a key. Throws `permission-denied` or `input-output`.
 */
export function readKnownHosts(paths: readonly string[]): KnownHosts {
  return parseKnownHosts(paths.map((path) => ({ path, text: textOf(path) })));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return '';
    const hint = `No host key is trusted while ${path} cannot be read, because it may revoke one.`;
    throw fromSystemError(error, `could not read the known hosts file ${path}`, hint);
  }
}
