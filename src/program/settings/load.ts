// The settings of this call, by the shortest way that is safe: a checked configuration is kept in <home>/state/ and
// used again as long as the file, the place and the program are the same.
import { readFileSync, renameSync, statSync, unlinkSync, writeFileSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { fileMode } from '../file-owner.ts';
import { findPlace, type Call, type Place } from '../home.ts';
import { errnoOf, fromSystemError, ProgramError } from '../program-error.ts';
import { temporaryPath } from '../temporary-name.ts';
import { build, version } from '../version.ts';
import type { Settings } from './settings.ts';

const cachePath = (home: string): string => join(home, 'state', 'settings.json');

function statConfiguration(file: string): BigIntStats {
  try {
    return statSync(file, { bigint: true });
  } catch (error) {
    const reason = fromSystemError(error, `could not read the configuration ${file}`);
    throw new ProgramError('settings', reason.message, { cause: error });
  }
}

/** Everything that the checked settings depend on: any change, also of owner, mode or clock, makes it differ. */
function cacheKey(place: Place, stats: BigIntStats): string {
  const identity = [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
  const { dataDirectory, home, configurationFile } = place;
  const owner = dataDirectory === undefined ? '' : statSync(dataDirectory).uid;
  return [version, build, configurationFile, identity, dataDirectory ?? '', home, owner].join('\n');
}

function readCache(home: string, key: string): Settings | undefined {
  try {
    const cached = JSON.parse(readFileSync(cachePath(home), 'utf8')) as { key: string; settings: Settings };
    return cached.key === key ? cached.settings : undefined;
  } catch {
    // Missing, cut short by a crash, or not ours to read: the file itself is read instead.
    return undefined;
  }
}

function writeCache(home: string, key: string, settings: Settings): void {
  const temporary = temporaryPath(cachePath(home), 'cache');
  try {
    writeFileSync(temporary, JSON.stringify({ key, settings }), { mode: fileMode, flag: 'wx' });
    renameSync(temporary, cachePath(home));
  } catch (error) {
    // Without a cache the next call is slower, nothing else: the home may be read-only, or have no state/ yet.
    if (errnoOf(error) === undefined) throw error;
    removeQuietly(temporary);
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made, or the home has just become read-only.
  }
}

/** Finds the place of a call; of a data directory that is none yet it is said what it lacks. */
export async function findPlaceOf(call: Call): Promise<Place> {
  try {
    return findPlace(call);
  } catch (error) {
    const { explainPlace } = await import('../lacking-data.ts');
    throw explainPlace(error, call);
  }
}

/** The settings for this call, checked. Throws `settings`, `not-built`, `data-directory` or `directory-missing`. */
export async function loadSettings(call: Call): Promise<Settings> {
  const place = await findPlaceOf(call);
  const stats = statConfiguration(place.configurationFile);
  const key = place.home === undefined ? undefined : cacheKey(place, stats);
  const cached = key === undefined ? undefined : readCache(place.home!, key);
  if (cached !== undefined) return cached;
  const { readSettings } = await import('./read.ts');
  const { settings } = readSettings(place);
  if (key !== undefined) writeCache(settings.home, key, settings);
  return settings;
}
