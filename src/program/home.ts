// Where a node keeps its things: the data directory of this call, twowarm's home beside it, the configuration file.
// Looks only at names and existence; what the files say is read elsewhere.
import { existsSync, realpathSync, statSync, type Stats } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fromSystemError, ProgramError } from './program-error.ts';

/** What a call may say about its place: options first, then the environment, then the working directory. */
export interface Call {
  configOption?: string | undefined;
  dataDirectoryOption?: string | undefined;
  environment: Readonly<Record<string, string | undefined>>;
  workingDirectory: string;
}

export interface Place {
  /** The real path of the data directory, if the call shows one. */
  dataDirectory: string | undefined;
  home: string | undefined;
  configurationFile: string;
  /** What named the home and the configuration, for configSetup. */
  homeOrigin: string;
}

const systemWide = '/etc/twowarm/twowarm.toml';

/** The installation's own: this file, and whatever it is bundled into, lies two directories below the root. */
const templatePath = (): string => join(import.meta.dirname, '..', '..', 'conf-templates', 'twowarm.toml');

/** Every data directory has PG_VERSION; PostgreSQL runs our programs with it as working directory. */
export function isDataDirectory(path: string): boolean {
  return existsSync(join(path, 'PG_VERSION'));
}

/** Undefined where nothing is; "not to be seen" is not "not there". */
function lookFor(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw fromSystemError(
      error,
      `could not look for ${path}`,
      'Run this as the owner of the data directory.',
    );
  }
}

const isThere = (path: string): boolean => lookFor(path) !== undefined;

function findDataDirectory(call: Call): string | undefined {
  const named = call.dataDirectoryOption;
  if (named !== undefined) {
    const path = resolve(call.workingDirectory, named);
    if (isThere(join(path, 'PG_VERSION'))) return realpathSync(path);
    throw new ProgramError('data-directory', `"${named}" is not a data directory of PostgreSQL`, {
      detail: 'It has no file PG_VERSION.',
    });
  }
  if (isDataDirectory(call.workingDirectory)) return realpathSync(call.workingDirectory);
  const fromServer = call.environment['PGDATA'];
  return fromServer && isDataDirectory(fromServer) ? realpathSync(fromServer) : undefined;
}

/** The home that belongs to a data directory: ../twowarm-<base name> if that exists, else ../twowarm. */
export function homeBeside(dataDirectory: string): string {
  const own = join(dirname(dataDirectory), `twowarm-${basename(dataDirectory)}`);
  return isThere(own) ? own : join(dirname(dataDirectory), 'twowarm');
}

function findConfiguration(call: Call, home: string | undefined): string {
  const explicit = call.configOption ?? (call.environment['TWOWARM_CONFIG'] || undefined);
  if (explicit !== undefined) return resolve(call.workingDirectory, explicit);
  const candidates = home === undefined ? [systemWide] : [join(home, 'twowarm.toml'), systemWide];
  const found = candidates.find(isThere);
  if (found !== undefined) return found;
  throw new ProgramError(
    'settings',
    `could not find the configuration: there is no ${candidates.join(' and no ')}`,
    {
      hint:
        home === undefined
          ? 'Run this in the data directory, or name that with -D, or name the configuration with --config.'
          : `Create it from ${templatePath()}, or name it with --config or TWOWARM_CONFIG.`,
    },
  );
}

/** Finds the place of a call; a `settings` error when no configuration is found. */
export function findPlace(call: Call): Place {
  const dataDirectory = findDataDirectory(call);
  const named = call.environment['TWOWARM_HOME'] || undefined;
  const home = named ?? (dataDirectory === undefined ? undefined : homeBeside(dataDirectory));
  if (named !== undefined && !named.startsWith('/')) {
    throw new ProgramError('settings', `TWOWARM_HOME must be an absolute path, but is "${named}"`);
  }
  const configurationFile = findConfiguration(call, home);
  return {
    dataDirectory,
    home,
    configurationFile,
    homeOrigin: named === undefined ? 'default' : 'TWOWARM_HOME',
  };
}

/** Refuses a home that is not there: a state that cannot be read must not look like an empty one. */
export function requireHome(home: string): void {
  if (lookFor(home)?.isDirectory()) return;
  throw new ProgramError('directory-missing', `twowarm's home ${home} does not exist`, {
    hint: `Create it as the owner of the data directory: mkdir -m 700 ${home}`,
  });
}
