// A configuration file read, checked and turned into settings. The slow way: it loads the TOML parser and zod.
import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { requireHome, type Place } from '../home.ts';
import { fromSystemError, ProgramError } from '../program-error.ts';
import { checkConfiguration } from './check.ts';
import { listInForce } from './in-force.ts';
import { locateKeys } from './key-lines.ts';
import type { InForce, Settings } from './settings.ts';
import { toSettings } from './to-settings.ts';
import { checkHome, checkOwner, refuseOwnData } from './trust.ts';

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

/** What the parser cannot say of `name = db1`: which key it is, and that text needs quotes. */
function missingQuotes(line: string): string | undefined {
  const [, key, value] = /^\s*([\w."'-]+)\s*=\s*([^\s'"[{#][^'"#]*?)\s*(?:#.*)?$/.exec(line) ?? [];
  return value && `the value of "${key}" must be in quotes: ${key} = '${value}'`;
}

/** The text as TOML; a `settings` error that names the line where it is none. */
export function parseToml(file: string, text: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const ours = text.split('\n')[error.line - 1] ?? '';
    const reason =
      missingQuotes(ours) ?? error.message.split('\n')[0]!.replace(/^Invalid TOML document: /, '');
    throw new ProgramError(
      'settings',
      `cannot read the configuration ${file}: line ${error.line}: ${reason}`,
    );
  }
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

/** Throws what makes a configuration unusable that is not written yet. */
export function checkUnwritten(text: string, place: Place): void {
  const file = 'that would be written';
  const lines = locateKeys(text);
  const configuration = checkConfiguration(file, parseToml(file, text), lines.of);
  refuseOwnData(file, toSettings(place, configuration), lines.of);
}
