// WAL that a server marked to be archived and did not get to (archive_status/….ready), and what one that died was still writing:
// in a former primary it may be all that is left of its last transactions. Before pg_wal is emptied it gets a second name in a
// directory beside, durable there.
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, fromSystemError } from '../../program/program-error.ts';
import { makeDirectoryDurably } from '../../program/make-directory.ts';
import { link, syncPath } from '../../program/system-calls.ts';
import { parseWalFileName } from '../../wal/filename.ts';
import { parseLongPageHeader } from '../../wal/page-header.ts';
import { copyAside } from './copy-aside.ts';
import { isThere } from './content.ts';

export interface Leftovers {
  /** Names of files that are in pg_wal, sorted. */
  names: readonly string[];
  /** Those that are marked, but are not there. */
  missing: readonly string[];
}

const suffix = '.ready';

/** What waits to be archived in this pg_wal; `hasDied`: its server wrote, and did not shut down: also what is not marked at all. */
export function leftoversIn(walDirectory: string, hasDied: boolean): Leftovers {
  const status = readNames(join(walDirectory, 'archive_status'));
  const marked = status
    .filter((name) => name.endsWith(suffix) && name.length > suffix.length)
    .map((name) => name.slice(0, -suffix.length));
  const isHere = (name: string): boolean => isThere(join(walDirectory, name));
  const unmarked = hasDied ? unmarkedIn(walDirectory, new Set(status)) : [];
  return {
    names: [...marked.filter(isHere), ...unmarked].sort(),
    missing: marked.filter((name) => !isHere(name)).sort(),
  };
}

/** Segments with WAL of their own, not only renamed for later use, that have no mark: the last one, which was not full yet. */
const unmarkedIn = (walDirectory: string, status: ReadonlySet<string>): string[] =>
  readNames(walDirectory).filter(
    (name) =>
      parseWalFileName(name)?.kind === 'segment' &&
      !status.has(`${name}.done`) &&
      !status.has(`${name}${suffix}`) &&
      beginsAsNamed(join(walDirectory, name), name),
  );

function beginsAsNamed(path: string, name: string): boolean {
  const header = parseLongPageHeader(beginningOf(path));
  if ('problem' in header) return false;
  const [log, low] = [8, 16].map((at) => BigInt(`0x${name.slice(at, at + 8)}`)) as [bigint, bigint];
  return header.pageAddress === (log << 32n) + low * BigInt(header.segmentSize);
}

function beginningOf(path: string): Buffer {
  const bytes = Buffer.alloc(40);
  try {
    const descriptor = openSync(path, 'r');
    try {
      return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0));
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw fromSystemError(error, `could not read file "${path}"`);
  }
}

function readNames(directory: string): string[] {
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
