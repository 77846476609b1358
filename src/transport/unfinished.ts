// A note in <home>/state/unfinished/ for every temporary file while it exists, so that the next call can remove what
// a killed one left behind without listing an archive of a million names.
import { closeSync, openSync, readdirSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bounded } from '../program/bounded.ts';
import { lastingName } from '../program/far-files.ts';
import { fileMode, makeDirectory, settleFile } from '../program/file-owner.ts';
import { errnoOf } from '../program/program-error.ts';
import { lstat, unlessMissing, unlinkIfThere as removeFile } from '../program/system-calls.ts';
import { isAbandoned } from '../program/temporary-name.ts';

export const notesIn = (stateDirectory: string): string => join(stateDirectory, 'unfinished');

/**
 * Notes a temporary file before it is made. The note only saves disk space: a home that is full or read-only must not
 * stop archiving, which is what empties the disk that they share.
 */
export function noteUnfinished(stateDirectory: string, path: string): void {
  const note = join(notesIn(stateDirectory), basename(path));
  unlessSystemRefuses(() => {
    try {
      writeNote(note, path);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      makeDirectory(notesIn(stateDirectory));
      writeNote(note, path);
    }
  });
}

function writeNote(note: string, path: string): void {
  const descriptor = openSync(note, 'w', fileMode);
  try {
    settleFile(descriptor, note);
    writeSync(descriptor, lastingName(path));
  } finally {
    closeSync(descriptor);
  }
}

/** Removes a temporary file and its note; what cannot be removed now keeps its note for the next call. */
export async function removeUnfinished(stateDirectory: string, path: string): Promise<void> {
  try {
    await removeFile(path);
  } catch {
    // A read-only file system refuses also where there is nothing to remove.
    const isGone = await unlessMissing(lstat(path)).then(
      (stats) => stats === undefined,
      () => false,
    );
    if (!isGone) return;
  }
  unlessSystemRefuses(() => unlinkIfThere(join(notesIn(stateDirectory), basename(path))));
}

function unlessSystemRefuses(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}

/** How long an archive that does not answer may hold up the removal, in ms. */
const sweepLimitMs = 2000;

/**
 * Removes the temporary files of this node's dead processes; without a node those of any, where all of them ran on this
 * machine. What cannot be removed now is tried by the next call.
 */
export async function sweepUnfinished(
  stateDirectory: string,
  nodeId: string | undefined,
  stop: AbortSignal,
): Promise<void> {
  const abandoned = notes(stateDirectory).filter((name) =>
    isAbandoned(name, nodeId ?? name.split('.').at(-4) ?? '', 0),
  );
  if (abandoned.length === 0) return;
  const sweep = () => Promise.all(abandoned.map((name) => sweepOne(join(notesIn(stateDirectory), name))));
  await bounded('remove unfinished files', sweepLimitMs, stop, sweep).catch(() => stop.throwIfAborted());
}

function notes(stateDirectory: string): string[] {
  try {
    return readdirSync(notesIn(stateDirectory));
  } catch {
    return [];
  }
}

async function sweepOne(note: string): Promise<void> {
  try {
    const path = readFileSync(note, 'utf8');
    // On another machine: whoever opens the road there the next time removes it (sftp/sweep.ts).
    if (path.includes('://') && basename(path) === basename(note)) return;
    // A note cut short by a crash names nothing; only a path that ends in the note's own name is believed.
    if (basename(path) === basename(note)) await removeFile(path);
    unlinkIfThere(note);
  } catch {
    // The next call tries again.
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
