// WAL that a server marked to be archived and did not get to (archive_status/….ready): in a former primary it may be all that is
// left of its last transactions. Before pg_wal is emptied it gets a second name in a directory beside, durable there.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, fromSystemError } from '../../program/program-error.ts';
import { makeDirectoryDurably } from '../../program/make-directory.ts';
import { link, syncPath } from '../../program/system-calls.ts';
import { parseWalFileName } from '../../wal/filename.ts';
import { copyAside } from './copy-aside.ts';
import { isThere } from './content.ts';

export interface Leftovers {
  /** Names of files that are in pg_wal, sorted. */
  names: readonly string[];
  /** Those that are marked, but are not there. */
  missing: readonly string[];
}

const suffix = '.ready';

/** What waits to be archived in this pg_wal. */
export function leftoversIn(walDirectory: string): Leftovers {
  const marked = readStatus(join(walDirectory, 'archive_status'))
    .filter((name) => name.endsWith(suffix) && name.length > suffix.length)
    .map((name) => name.slice(0, -suffix.length))
    .sort();
  const isHere = (name: string): boolean => isThere(join(walDirectory, name));
  return { names: marked.filter(isHere), missing: marked.filter((name) => !isHere(name)) };
}

function readStatus(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw fromSystemError(error, `could not read directory "${directory}"`);
  }
}

/** <home>/leftover-wal/<UTC time>-tl<timeline>: of the data directory, or else the newest that a name tells. */
export function quarantineFor(home: string, names: readonly string[], timeline: number | undefined): string {
  const newest = Math.max(0, ...names.map((name) => parseWalFileName(name)?.timeline ?? 0));
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return join(home, 'leftover-wal', `${time}-tl${timeline ?? newest}`);
}

/**
 * Puts the files into the directory `wanted` of the home, or where that is there already into another one, all durable on
 * return; the names in pg_wal stay as they are. Returns their whole paths there.
 */
export async function quarantine(
  walDirectory: string,
  names: readonly string[],
  home: string,
  wanted: string,
  signal: AbortSignal,
): Promise<string[]> {
  if (names.length === 0) return [];
  const room = freeName(wanted);
  for (const each of [home, join(home, 'leftover-wal'), room]) await makeDirectoryDurably(each);
  const kept: string[] = [];
  for (const name of names) {
    signal.throwIfAborted();
    const path = join(room, name);
    await keep(join(walDirectory, name), path, signal);
    kept.push(path);
  }
  await syncPath(room).catch((error: unknown) => {
    throw fromSystemError(error, `could not fsync directory "${room}"`);
  });
  return kept;
}

/** What a preparation that was killed within the same second has put there stays its own. */
function freeName(wanted: string): string {
  let name = wanted;
  for (let count = 2; isThere(name); count += 1) name = `${wanted}-${count}`;
  return name;
}

/** A second name where that is possible, for a full disk has no room for a copy. */
async function keep(from: string, to: string, signal: AbortSignal): Promise<void> {
  try {
    await link(from, to);
    await syncPath(to);
  } catch (error) {
    const code = errnoOf(error) ?? '';
    if (!['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP'].includes(code)) {
      throw fromSystemError(error, `could not put "${from}" into quarantine as "${to}"`);
    }
    await copyAside(from, to, signal);
  }
}
