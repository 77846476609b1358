// Where the home of a cluster will be, by the contract of program/home.ts: ../twowarm, or ../twowarm-<name> where another
// cluster lives beside this one.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { homeBeside, isDataDirectory } from '../../program/home.ts';
import { ProgramError } from '../../program/program-error.ts';
import { locateKeys } from '../../program/settings/key-lines.ts';
import { realPlace } from './local-cluster.ts';

export interface ChosenHome {
  path: string;
  /** Why it has this name, where that is not the usual one. */
  because: string | undefined;
}

/** Other data directories in the same directory. */
function siblingsOf(dataDirectory: string): string[] {
  const parent = dirname(dataDirectory);
  try {
    const paths = readdirSync(parent).map((name) => join(parent, name));
    return paths.filter((path) => path !== dataDirectory && isDataDirectory(path)).sort();
  } catch {
    // It is not there yet, or closed: making the home will say so.
    return [];
  }
}

/** The data directory that a home's configuration is for; undefined where it has none that says so plainly. */
function ownerOfHome(home: string): string | undefined {
  const file = join(home, 'twowarm.toml');
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, 'utf8');
  const line = locateKeys(text).of('node.data_directory');
  const said = /=\s*(['"])(.*)\1/.exec(text.split('\n')[(line ?? 0) - 1] ?? '')?.[2];
  return said === undefined ? undefined : realPlace(said);
}

/** The home for a data directory; TWOWARM_HOME goes first, as with every program. */
export function chooseHome(
  dataDirectory: string,
  environment: Readonly<Record<string, string | undefined>>,
): ChosenHome {
  const named = environment['TWOWARM_HOME'];
  if (named) {
    if (named.startsWith('/')) return { path: named, because: 'TWOWARM_HOME names it' };
    throw new ProgramError('settings', `TWOWARM_HOME must be an absolute path, but is "${named}"`);
  }
  const short = join(dirname(dataDirectory), 'twowarm');
  const found = homeBeside(dataDirectory);
  if (found !== short) return { path: found, because: 'it is there already' };
  const owner = ownerOfHome(short);
  if (owner === dataDirectory) return { path: short, because: undefined };
  const [sibling] = owner === undefined ? siblingsOf(dataDirectory) : [owner];
  if (sibling === undefined) return { path: short, because: undefined };
  return {
    path: join(dirname(dataDirectory), `twowarm-${basename(dataDirectory)}`),
    because: `${sibling} is a cluster, too`,
  };
}
