// The node's own files: <home>/node/postgresql.conf and <home>/node/pg_hba.conf, which a person puts there, and what was
// saved of this node before a copy replaced it. What of them belongs into the data directory, as texts; nothing is written.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfiguration } from '../../postgres/parse-configuration.ts';
import { errnoOf, fromSystemError } from '../../program/program-error.ts';
import { endWithInclude, withoutForeignIncludes } from './edit-settings.ts';
import { changeOf, readBytes, realPlaceOf, type FileChange } from './file-change.ts';
import { differences, ownFile, type ConfigurationTexts, type Differences } from './own-differences.ts';

export interface OwnFiles {
  changes: readonly FileChange[];
  /** What of this node was saved, and is neither in its own file nor left to the primary's; undefined: nothing. */
  left: LeftOut | undefined;
}

/** Settings that were saved and are not carried over. */
export interface LeftOut {
  from: string;
  tooLow: Differences['tooLow'];
  /** Names: there is an own file already, which is not changed. */
  missing: readonly string[];
}

/** Replaced as a whole, the node's own by the one that came with the copy. */
const wholeFiles = ['pg_hba.conf', 'pg_ident.conf'];

/** The newest directory of <home>/saved-configuration; undefined where there is none. Their names are times, and sort. */
function newestSaved(home: string): string | undefined {
  const directory = join(home, 'saved-configuration');
  try {
    const names = readdirSync(directory, { withFileTypes: true }).filter(
      // One that begins with a dot is not finished.
      (entry) => entry.isDirectory() && !entry.name.startsWith('.'),
    );
    const newest = names
      .map(({ name }) => name)
      .sort()
      .at(-1);
    return newest === undefined ? undefined : join(directory, newest);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fromSystemError(error, `could not read ${directory}`);
  }
}

/** The file if it is in the data directory; on Debian it is not, a base backup has not brought it, and it is this node's. */
export function ownTextIn(dataDirectory: string, name: string): string | undefined {
  const path = join(dataDirectory, name);
  return realPlaceOf(path).startsWith(`${dataDirectory}/`) ? readBytes(path) : undefined;
}

/**
 * What the node's own files come to. What was saved counts only for a copy that was not started yet: afterwards what is in the
 * data directory is this node's, and somebody may have changed it.
 */
export function ownFiles(dataDirectory: string, home: string, limits: ReadonlyMap<string, number>): OwnFiles {
  const isFresh = existsSync(join(dataDirectory, 'backup_label'));
  const saved = isFresh ? newestSaved(home) : undefined;
  const whole = wholeFiles.flatMap((name) => {
    const there = ownTextIn(dataDirectory, name);
    const own = readBytes(join(home, 'node', name)) ?? (saved && readBytes(join(saved, name)));
    return there === undefined || own === undefined ? [] : changeOf(join(dataDirectory, name), own, there);
  });
  const { changes, left } = ofPostgresqlConf(dataDirectory, home, saved, limits);
  return { changes: [...changes, ...whole], left };
}

function textsIn(directory: string, postgresqlConf: string): ConfigurationTexts {
  return { postgresqlConf, autoConf: readBytes(join(directory, 'postgresql.auto.conf')) };
}

/** What differs on this node, in its home. */
export const ownConfigurationIn = (home: string): string => join(home, 'node', 'postgresql.conf');

function ofPostgresqlConf(
  dataDirectory: string,
  home: string,
  saved: string | undefined,
  limits: ReadonlyMap<string, number>,
): OwnFiles {
  const path = join(dataDirectory, 'postgresql.conf');
  const there = ownTextIn(dataDirectory, 'postgresql.conf');
  if (there === undefined) return { changes: [], left: undefined };
  const own = ownConfigurationIn(home);
  const ownText = readBytes(own);
  const clean = withoutForeignIncludes(there, own);
  const before = saved === undefined ? undefined : readBytes(join(saved, 'postgresql.conf'));
  const found =
    saved === undefined || before === undefined
      ? undefined
      : differences(textsIn(saved, before), textsIn(dataDirectory, `${there}\n${ownText ?? ''}`), limits);
  const proposed = ownText === undefined && found !== undefined ? ownFile(found, saved!) : undefined;
  const includes = ownText !== undefined || proposed !== undefined;
  const inOwn = parseConfiguration(ownText ?? '').assignments.map(({ name }) => name);
  const missing =
    ownText === undefined
      ? []
      : (found?.settings ?? []).map(([name]) => name).filter((name) => !inOwn.includes(name));
  return {
    changes: [
      ...(proposed === undefined ? [] : changeOf(own, proposed)),
      ...changeOf(path, includes ? endWithInclude(clean, own) : clean, there),
    ],
    left: found && { from: saved!, tooLow: found.tooLow, missing },
  };
}
