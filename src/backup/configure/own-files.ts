// The node's own files: <home>/node/postgresql.conf and <home>/node/pg_hba.conf, which a person puts there, and what was
// saved of this node before a copy replaced it. What of them belongs into the data directory, as texts; nothing is written.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, fromSystemError } from '../../program/program-error.ts';
import { endWithInclude } from './edit-settings.ts';
import { changeOf, readBytes, realPlaceOf, type FileChange } from './file-change.ts';
import { differences, ownFile, type Differences } from './own-differences.ts';

export interface OwnFiles {
  changes: readonly FileChange[];
  /** From where the node's differences were taken, and what was left out; undefined: from nowhere. */
  taken: { from: string; tooLow: Differences['tooLow'] } | undefined;
}

/** Replaced as a whole, the node's own by the one that came with the copy. */
const wholeFiles = ['pg_hba.conf', 'pg_ident.conf'];

/** The newest directory of <home>/saved-configuration; undefined where there is none. Their names are times, and sort. */
function newestSaved(home: string): string | undefined {
  const directory = join(home, 'saved-configuration');
  try {
    const names = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
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
  const { changes, taken } = ofPostgresqlConf(dataDirectory, home, saved, limits);
  return { changes: [...changes, ...whole], taken };
}

function ofPostgresqlConf(
  dataDirectory: string,
  home: string,
  saved: string | undefined,
  limits: ReadonlyMap<string, number>,
): OwnFiles {
  const nothing: OwnFiles = { changes: [], taken: undefined };
  const path = join(dataDirectory, 'postgresql.conf');
  const there = ownTextIn(dataDirectory, 'postgresql.conf');
  if (there === undefined) return nothing;
  const own = join(home, 'node', 'postgresql.conf');
  const included = changeOf(path, endWithInclude(there, own), there);
  if (readBytes(own) !== undefined) return { changes: included, taken: undefined };
  const before = saved === undefined ? undefined : readBytes(join(saved, 'postgresql.conf'));
  if (saved === undefined || before === undefined) return nothing;
  const autoOf = (directory: string): string | undefined =>
    readBytes(join(directory, 'postgresql.auto.conf'));
  const found = differences(
    { postgresqlConf: before, autoConf: autoOf(saved) },
    { postgresqlConf: there, autoConf: autoOf(dataDirectory) },
    limits,
  );
  const taken = { from: saved, tooLow: found.tooLow };
  const text = ownFile(found, saved);
  return text === undefined
    ? { changes: [], taken }
    : { changes: [...changeOf(own, text), ...included], taken };
}
