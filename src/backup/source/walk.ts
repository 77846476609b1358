// The directories of a cluster in the order in which they are copied, with the names of their files. Nothing is kept of a
// directory that is done: a cluster of a million files is walked in the memory that its largest directory needs.
import type { Dirent } from 'node:fs';
import { opendir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import { NameSet } from '../../copying/name-set.ts';
import { lstat } from '../../program/quick-calls.ts';
import { stat } from '../../program/system-calls.ts';
import { holdsRelations, isEmptied, isLeftOut, Unlogged } from './exclusions.ts';

/** What is to be walked. */
export interface Source {
  /** Its real path. */
  dataDirectory: string;
  /** Where the links of pg_tblspc lead to; relative locations are directories within pg_tblspc. */
  tablespaces: readonly { oid: string; location: string }[];
  /** The name of this cluster's directory in a tablespace: 'PG_15_202209061'. */
  versionDirectory: string;
  /** stats_temp_directory, where it is relative to the data directory. */
  temporaryStatistics: string | undefined;
  /** Directories of ours within the data directory, relative: they are no part of it. */
  ours: ReadonlySet<string>;
  major: number;
}

export interface SourceDirectory {
  /** Relative to the data directory; '' is itself. */
  path: string;
  /** Permission bits. */
  mode: number;
  /** Files to be copied. */
  files: NameSet;
  /** Directories that belong there, too, and come later. */
  directories: ReadonlySet<string>;
  /** Neither files nor directories, which are not copied. */
  special: readonly string[];
}

interface Entries {
  files: NameSet;
  directories: string[];
  special: string[];
}

const cannotRead = (path: string, error: unknown): ProgramError => {
  const { message } = fromSystemError(error, `could not read the directory "${path}"`);
  return new ProgramError('data-directory', message, { cause: error });
};

/** What Node.js writes for bytes that are no UTF-8: such a name would not lead back to its file. */
const isWellFormed = (name: string): boolean => !name.includes('\ufffd');

function requireName(directory: string, name: string): void {
  if (isWellFormed(name)) return;
  throw new ProgramError('data-directory', `a file in "${directory}" has a name that is no UTF-8: ${name}`, {
    hint: 'PostgreSQL makes no such names: move the file elsewhere.',
  });
}

/** A link in the place of a directory that is copied empty: to a disk in memory, mostly. The copy gets a plain one. */
const isEmptiedLink = ({ temporaryStatistics }: Source, path: string, entry: Dirent): boolean =>
  entry.isSymbolicLink() && isEmptied(below(path, entry.name), temporaryStatistics);

/** Read from a directory at once. */
const entriesAtOnce = 256;

/** The entries of a directory; undefined where it has vanished, as that of a dropped database. */
async function entriesOf(source: Source, path: string): Promise<Entries | undefined> {
  const absolute = join(source.dataDirectory, path);
  const unlogged = holdsRelations(path) ? new Unlogged() : undefined;
  const found: Entries = { files: new NameSet(), directories: [], special: [] };
  try {
    for await (const entry of await opendir(absolute, { bufferSize: entriesAtOnce })) {
      const { name } = entry;
      requireName(absolute, name);
      if (isLeftOut(path, name)) continue;
      unlogged?.see(name);
      if (entry.isFile()) found.files.add(name);
      else if (entry.isDirectory() || isEmptiedLink(source, path, entry)) found.directories.push(name);
      else found.special.push(name);
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && path !== '') return undefined;
    throw error instanceof ProgramError ? error : cannotRead(absolute, error);
  }
  for (const name of found.files) if (unlogged?.leavesOut(name) === true) found.files.delete(name);
  return found;
}

async function modeOf(absolute: string): Promise<number | undefined> {
  try {
    return (await stat(absolute)).mode & 0o7777;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw cannotRead(absolute, error);
  }
}

/** The path of a name in a directory, both relative to the data directory. */
export const below = (path: string, name: string): string => (path === '' ? name : `${path}/${name}`);

/** A directory that is copied empty. */
const nothingIn = (path: string, mode: number): SourceDirectory => ({
  ...{ path, mode, files: new NameSet(), directories: new Set<string>(), special: [] },
});

/** Databases of users, which have the higher numbers, before the templates: what takes longest begins first. */
const inOrder = (path: string, directories: string[]): string[] =>
  path === 'base' ? directories.sort((left, right) => Number(right) - Number(left)) : directories.sort();

/** One directory and all below it. */
async function* walkFrom(source: Source, path: string): AsyncGenerator<SourceDirectory> {
  const mode = await modeOf(join(source.dataDirectory, path));
  if (mode === undefined) return;
  if (isEmptied(path, source.temporaryStatistics)) {
    yield nothingIn(path, mode);
    return;
  }
  const entries = await entriesOf(source, path);
  if (entries === undefined) return;
  const { files, special } = entries;
  const directories = entries.directories.filter((name) => !source.ours.has(below(path, name)));
  const isTop = path === '';
  const linked = isTop ? special.filter((name) => name !== 'pg_wal') : special;
  yield { path, mode, files, directories: new Set(directories), special: linked };
  for (const name of inOrder(path, directories)) {
    if (isTop && (name === 'pg_wal' || name === 'pg_tblspc')) continue;
    yield* walkFrom(source, below(path, name));
  }
  if (!isTop) return;
  yield* walkWal(source);
  yield* walkTablespaces(source);
}

/** pg_wal is copied empty: what recovery needs, the archive has (and what it had of its own could be replayed, trap T10e). */
async function* walkWal({ dataDirectory, major }: Source): AsyncGenerator<SourceDirectory> {
  const mode = (await modeOf(join(dataDirectory, 'pg_wal'))) ?? 0o700;
  yield nothingIn('pg_wal/archive_status', mode);
  if (major >= 17) yield nothingIn('pg_wal/summaries', mode);
}

async function* walkTablespaces(source: Source): AsyncGenerator<SourceDirectory> {
  const mode = (await modeOf(join(source.dataDirectory, 'pg_tblspc'))) ?? 0o700;
  const names = new Set(source.tablespaces.map(({ oid }) => oid));
  yield { ...nothingIn('pg_tblspc', mode), directories: names };
  for (const { oid, location } of source.tablespaces) {
    const path = `pg_tblspc/${oid}`;
    // In the data directory itself (allow_in_place_tablespaces).
    if (!location.startsWith('/')) yield* walkFrom(source, path);
    else yield* walkFrom(source, `${path}/${source.versionDirectory}`);
  }
}

/** So many files are looked at before others have a turn. */
const lstatsInTurn = 64;

/** Every directory that is copied, parents first. */
export const walk = (source: Source): AsyncGenerator<SourceDirectory> => walkFrom(source, '');

/** How many bytes there are to be read; what has vanished meanwhile counts nothing. Throws the reason of `signal`. */
export async function sizeOf(source: Source, signal: AbortSignal): Promise<number> {
  let bytes = 0;
  const addSizeOf = async (path: string): Promise<void> => {
    const found = await lstat(path).catch(() => undefined);
    bytes += found?.size ?? 0;
  };
  for await (const { path, files } of walk(source)) {
    let pending: Promise<void>[] = [];
    const settle = async (): Promise<void> => {
      await Promise.all(pending);
      pending = [];
      // What is answered at once leaves nobody else a turn.
      await turn();
      signal.throwIfAborted();
    };
    for (const name of files) {
      pending.push(addSizeOf(join(source.dataDirectory, path, name)));
      if (pending.length === lstatsInTurn) await settle();
    }
    await settle();
  }
  return bytes;
}

/** Where pg_wal is a symbolic link to, resolved; undefined where it is a directory. */
export async function walLinkOf(dataDirectory: string): Promise<string | undefined> {
  const path = join(dataDirectory, 'pg_wal');
  try {
    const aim = await readlink(path);
    return aim.startsWith('/') ? aim : join(dataDirectory, aim);
  } catch (error) {
    if (errnoOf(error) === 'EINVAL') return undefined;
    throw cannotRead(path, error);
  }
}
