// A configuration file read, checked and turned into settings. The slow way: it loads the TOML parser and zod.
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { homeBeside, requireHome, type Place } from '../home.ts';
import { readRoadUrl } from '../road-url.ts';
import { fromSystemError, ProgramError } from '../program-error.ts';
import { checkConfiguration } from './check.ts';
import { listInForce } from './in-force.ts';
import { locateKeys } from './key-lines.ts';
import type { Configuration } from './keys.ts';
import type { InForce, Settings } from './settings.ts';

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ProgramError(
      'settings',
      fromSystemError(error, `could not read the configuration ${file}`).message,
      {
        cause: error,
      },
    );
  }
}

function parseToml(file: string, text: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split('\n')[0]!.replace(/^Invalid TOML document: /, '');
    throw new ProgramError(
      'settings',
      `cannot read the configuration ${file}: line ${error.line}: ${reason}`,
    );
  }
}

/** Whoever may change the configuration may run commands as the server's user: only root and that user may. */
function checkOwner(file: string, dataDirectory: string): void {
  const { uid, mode } = statSync(file);
  const owner = statSync(dataDirectory).uid;
  if (uid !== 0 && uid !== owner) {
    throw new ProgramError('settings', `will not use the configuration ${file}: it belongs to user ${uid}`, {
      hint: `It must belong to root or to the owner of the data directory: chown ${owner} ${file}`,
    });
  }
  if ((mode & 0o022) !== 0) {
    throw new ProgramError('settings', `will not use the configuration ${file}: others may write it`, {
      detail: `Its mode is 0${(mode & 0o777).toString(8)}.`,
      hint: `chmod go-w ${file}`,
    });
  }
}

/** Whoever may write to the home can put another configuration and another state into it. */
function checkHome(home: string): void {
  const { mode } = statSync(home);
  if ((mode & 0o022) === 0) return;
  throw new ProgramError('settings', `will not use the home ${home}: others may write to it`, {
    detail: `Its mode is 0${(mode & 0o777).toString(8)}.`,
    hint: `chmod 700 ${home}`,
  });
}

function checkDataDirectory(file: string, configured: string, shown: string | undefined): void {
  let real: string;
  try {
    real = realpathSync(configured);
  } catch (error) {
    throw new ProgramError(
      'data-directory',
      fromSystemError(error, `could not open the data directory ${configured}`).message,
      { detail: `It is node.data_directory of ${file}.`, cause: error },
    );
  }
  if (shown === undefined || shown === real) return;
  throw new ProgramError('data-directory', `the configuration ${file} is for another data directory`, {
    detail: `It names ${real}, but this call is for ${shown}.`,
    hint: `Correct node.data_directory, or, if this is a second cluster beside the first, make a home for it: ${join(dirname(shown), `twowarm-${basename(shown)}`)}`,
  });
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // Not there, or not to be seen: the one who uses it says so. As it is written it can still be judged.
    return resolve(path);
  }
}

/** A destination within the data directory, or within pg_wal wherever it is, is lost with what it should save. */
function refuseOwnData(file: string, settings: Settings, lineOf: (path: string) => number | undefined): void {
  const own = [settings.dataDirectory, join(settings.dataDirectory, 'pg_wal')].map(realPathOf);
  for (const { name, url } of settings.destinations) {
    const road = readRoadUrl(url);
    const directory = road.kind === 'directory' ? realPathOf(road.directory) : undefined;
    const holder = own.find((each) => directory === each || directory?.startsWith(`${each}/`));
    if (holder === undefined) continue;
    const line = lineOf(`destination.${name}.url`);
    const where = line === undefined ? '' : `line ${line}: `;
    throw new ProgramError(
      'settings',
      `cannot use the configuration ${file}: ${where}"destination.${name}.url" lies within ${holder}`,
      {
        detail: 'WAL that is archived within the data directory is lost with it.',
        hint: 'Choose a directory outside of it, best on another machine.',
      },
    );
  }
}

function toSettings(place: Place, c: Configuration): Settings {
  const home = place.home ?? homeBeside(realpathSync(c.node.data_directory));
  const archiveDirectory = c.archive.directory ?? join(home, 'archive');
  return {
    home,
    configurationFile: place.configurationFile,
    nodeName: c.node.name ?? hostname(),
    dataDirectory: c.node.data_directory,
    archiveDirectory,
    destinations: Object.entries(c.destination).map(([name, d]) => ({
      name,
      url: d.url,
      timeLimitMs: d.time_limit,
    })),
    restore: {
      sources: c.restore.sources ?? [`file:${archiveDirectory}`],
      timeLimitMs: c.restore.time_limit,
      retryLimitMs: c.restore.retry_limit,
    },
    log: { file: c.log.file },
  };
}

/** The configuration file as settings, with every key of it and the line it stands on. */
export function readSettings(place: Place): { settings: Settings; inForce: InForce[] } {
  const file = place.configurationFile;
  const text = readText(file);
  const lines = locateKeys(text);
  const parsed = parseToml(file, text);
  const configuration = checkConfiguration(file, parsed, lines.of);
  checkDataDirectory(file, configuration.node.data_directory, place.dataDirectory);
  checkOwner(file, configuration.node.data_directory);
  const settings = toSettings(place, configuration);
  requireHome(settings.home);
  checkHome(settings.home);
  refuseOwnData(file, settings, lines.of);
  return { settings, inForce: listInForce(place, settings, parsed, lines.of) };
}
