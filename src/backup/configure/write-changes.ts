// The changes written, each whole and durably, after a copy of what it replaces. Before each one it is looked again whether a
// server has been started meanwhile.
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fromSystemError, ProgramError } from '../../program/program-error.ts';
import { removeFile, replaceFile } from '../../program/replace-file.ts';
import { ensureDirectory } from '../../program/small-file.ts';
import { removeAbandoned } from '../../program/temporary-name.ts';
import { readBytes, realPlaceOf, type FileChange } from './file-change.ts';
import type { FilePlan } from './plan-files.ts';

export interface Writing {
  home: string;
  nodeId: string;
  /** Throws where nothing may be written (any more). */
  mayWrite: () => void;
}

/** <home>/node, which the node's own files are in, is the one directory that is made. */
const ownDirectory = (home: string): string => join(home, 'node');

/** Throws before anything has changed where one of the files could not be written. */
export function refuseUnwritable({ changes }: FilePlan, home: string): void {
  for (const { path } of changes) {
    const directory = dirname(realPlaceOf(path));
    const looked = directory === ownDirectory(home) && !existsSync(directory) ? home : directory;
    try {
      accessSync(looked, constants.W_OK);
    } catch (error) {
      throw fromSystemError(
        error,
        `could not write ${path}`,
        `The owner of the data directory has to be able to write to ${looked}; nothing was changed.`,
      );
    }
  }
}

/** Since the changes were shown somebody may have edited a file. */
function refuseChanged(changes: readonly FileChange[]): void {
  const other = changes.find(({ path, before }) => readBytes(path) !== before);
  if (other === undefined) return;
  throw new ProgramError('busy', `${other.path} has changed meanwhile: nothing was changed`, {
    hint: 'Call configStandby again.',
  });
}

/** Copies of what is replaced or removed, in a directory of their own; undefined where nothing had any content. */
function keepCopies(changes: readonly FileChange[], { home, nodeId }: Writing): string | undefined {
  const kept = changes.filter(({ before }) => before !== undefined && before !== '');
  if (kept.length === 0) return undefined;
  const parent = join(home, 'replaced-configuration');
  const directory = join(parent, new Date().toISOString().replaceAll(':', ''));
  ensureDirectory(parent);
  // A call that was killed may have left one of its copies unfinished.
  for (const earlier of readdirSync(parent)) removeAbandoned(join(parent, earlier), nodeId);
  ensureDirectory(directory);
  for (const { path, before } of kept) {
    // A trigger file may be called anything.
    const free = join(directory, basename(path));
    replaceFile(existsSync(free) ? `${free}.2` : free, Buffer.from(before!, 'latin1'), nodeId);
  }
  return directory;
}

function write({ path, after }: FileChange, { nodeId, mayWrite }: Writing): void {
  mayWrite();
  const place = realPlaceOf(path);
  if (after === undefined) removeFile(path);
  else replaceFile(place, Buffer.from(after, 'latin1'), nodeId);
}

/** Writes the plan in its order; where the copies of what it replaced are, if there are any. */
export function writeChanges({ changes, guard }: FilePlan, writing: Writing): string | undefined {
  const { home, nodeId } = writing;
  writing.mayWrite();
  refuseChanged(changes);
  for (const directory of new Set(changes.map(({ path }) => dirname(realPlaceOf(path)))))
    removeAbandoned(directory, nodeId);
  const kept = keepCopies(changes, writing);
  if (changes.some(({ path }) => dirname(path) === ownDirectory(home))) ensureDirectory(ownDirectory(home));
  const { put, take } = guard ?? {};
  for (const change of [put, ...changes, take]) if (change !== undefined) write(change, writing);
  return kept;
}
