// A note in <home>/state/unfinished/ for every temporary file while it exists, so that the next call can remove what
// a killed one left behind without listing an archive of a million names.
import { closeSync, openSync, readdirSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileMode, makeDirectory, settleFile } from '../program/file-owner.ts';
import { errnoOf } from '../program/program-error.ts';
import { isAbandoned } from '../program/temporary-name.ts';

const notesIn = (stateDirectory: string): string => join(stateDirectory, 'unfinished');

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
    writeSync(descriptor, path);
  } finally {
    closeSync(descriptor);
  }
}

/** Takes the note back once the temporary file is gone. */
export function forgetUnfinished(stateDirectory: string, path: string): void {
  unlessSystemRefuses(() => unlinkIfThere(join(notesIn(stateDirectory), basename(path))));
}

function unlessSystemRefuses(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}

/** Removes the temporary files of this node's dead processes. What cannot be removed now is tried by the next call. */
export function sweepUnfinished(stateDirectory: string, nodeId: string): void {
  let names: string[];
  try {
    names = readdirSync(notesIn(stateDirectory));
  } catch {
    return;
  }
  for (const name of names.filter((each) => isAbandoned(each, nodeId, 0))) {
    const note = join(notesIn(stateDirectory), name);
    try {
      const path = readFileSync(note, 'utf8');
      // A note cut short by a crash names nothing; only a path that ends in the note's own name is believed.
      if (basename(path) === name) unlinkIfThere(path);
      unlinkIfThere(note);
    } catch {
      continue;
    }
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
