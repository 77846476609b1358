// The node's own configuration files as they are before a copy brings those of the source: in the home, in a directory by the UTC
// time, the newest last by name. What the last copy itself has brought, untouched since, is not the node's own.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  fsyncSync,
  openSync,
  closeSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../../program/file-owner.ts';
import { listDirectory } from '../../program/list-directory.ts';
import { errnoOf, fromSystemError } from '../../program/program-error.ts';
import { ensureDirectory, replaceSmallFile, syncDirectory } from '../../program/small-file.ts';
import { temporaryPath } from '../../program/temporary-name.ts';

/** In the data directory; what they include is not among them. */
export const configurationFiles = [
  'postgresql.conf',
  'postgresql.auto.conf',
  'pg_hba.conf',
  'pg_ident.conf',
  'recovery.conf',
] as const;

const directoryIn = (home: string): string => join(home, 'saved-configuration');
/** What the last copy brought: names and SHA-256. No directory's name begins with a dot. */
const broughtIn = (home: string): string => join(directoryIn(home), '.brought');

interface Saved {
  name: string;
  content: Buffer;
  mode: number;
}

function read(dataDirectory: string, name: string): Saved[] {
  const path = join(dataDirectory, name);
  try {
    // A symbolic link is followed here: what counts is what the server read. The copy replaces the link, not the file.
    return [{ name, content: readFileSync(path), mode: statSync(path).mode & 0o7777 }];
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw fromSystemError(error, `could not read file "${path}"`);
  }
}

const readAll = (dataDirectory: string): Saved[] =>
  configurationFiles.flatMap((name) => read(dataDirectory, name));

const describe = (files: readonly Saved[]): string =>
  files
    .map(({ name, content }) => `${createHash('sha256').update(content).digest('hex')}  ${name}\n`)
    .join('');

/** Whether there is anything to save that is the node's own. */
export function hasOwnConfiguration(dataDirectory: string, home: string): boolean {
  const files = readAll(dataDirectory);
  return files.length > 0 && describe(files) !== readBrought(home);
}

function readBrought(home: string): string | undefined {
  try {
    return readFileSync(broughtIn(home), 'utf8');
  } catch (error) {
    // Nothing was saved yet; where a part of the way is no directory, the first write says so.
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw fromSystemError(error, `could not read file "${broughtIn(home)}"`);
  }
}

/** Saves them with their modes, durably and all at once; the directory, or undefined where there is nothing to save. */
export function saveConfiguration(dataDirectory: string, home: string, nodeId: string): string | undefined {
  const files = readAll(dataDirectory);
  if (files.length === 0 || describe(files) === readBrought(home)) return undefined;
  const parent = directoryIn(home);
  for (const each of [home, parent]) ensureDirectory(each);
  const path = join(parent, nextName(listDirectory(parent)));
  try {
    const unfinished = temporaryPath(path, nodeId);
    makeDirectory(unfinished);
    for (const file of files) write(join(unfinished, file.name), file);
    syncDirectory(unfinished);
    renameSync(unfinished, path);
    syncDirectory(parent);
  } catch (error) {
    throw fromSystemError(error, `could not save the configuration in "${path}"`);
  }
  return path;
}

function write(path: string, { content, mode }: Saved): void {
  writeFileSync(path, content, { flag: 'wx', mode: 0o600 });
  chmodSync(path, mode);
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Later by name than all that are there, whatever the clock says. */
function nextName(existing: readonly string[]): string {
  const now = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const newest = existing.at(-1);
  if (newest === undefined || newest < now) return now;
  const [stem, count = '0'] = newest.split('-');
  return `${stem}-${String(Number(count) + 1).padStart(4, '0')}`;
}

/** Remembers what a copy has brought; nothing where nothing was ever saved. */
export function noteBrought(dataDirectory: string, home: string, nodeId: string): void {
  if (listDirectory(directoryIn(home)).length === 0) return;
  replaceSmallFile(broughtIn(home), describe(readAll(dataDirectory)), nodeId);
}
