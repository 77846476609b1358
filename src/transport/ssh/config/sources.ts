// Where ssh_config is, and whether there is any: only then the rest of this folder is loaded.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** A file that ssh reads; a user's may say ~, and its relative Includes are in ~/.ssh. */
export interface ConfigSource {
  path: string;
  isUsers: boolean;
  /** It was named, and has to be there. */
  mustBeThere: boolean;
}

/** ssh's own order. `named`: the one of ssh.config_file ('none' for no file); undefined where it is not set. */
export function configSources(named: string | undefined, home: string | undefined): ConfigSource[] {
  if (named === 'none') return [];
  if (named !== undefined) return [{ path: named, isUsers: true, mustBeThere: true }];
  const users = home === undefined ? [] : [{ path: join(home, '.ssh', 'config'), isUsers: true }];
  return [...users, { path: '/etc/ssh/ssh_config', isUsers: false }].map((each) => ({
    ...each,
    mustBeThere: false,
  }));
}

/** A file that cannot be looked at counts as there: reading it says why. */
export const isAnyThere = (sources: readonly ConfigSource[]): boolean =>
  sources.some(({ path, mustBeThere }) => mustBeThere || existsSync(path));
