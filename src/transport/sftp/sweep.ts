// What calls of this node that were killed left unfinished in an archive on another machine: removed by the next one that
// has a session there. The notes of it lie in the node's own state (unfinished.ts).
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isAbandoned } from '../../program/temporary-name.ts';
import { notesIn, removeUnfinished } from '../unfinished.ts';
import { leftBehindAt } from './files.ts';

/** Removes them, as far as that is possible now. `origin`: what is mounted at `prefix` (program/far-files.ts). */
export async function sweepFar(
  stateDirectory: string,
  nodeId: string,
  origin: string,
  prefix: string,
): Promise<void> {
  const there = (path: string): string => prefix + path.slice(origin.length);
  // This process is not gone, but a connection of it was.
  for (const path of leftBehindAt(origin)) await removeUnfinished(stateDirectory, there(path));
  for (const name of notesOf(stateDirectory).filter((each) => isAbandoned(each, nodeId, 0))) {
    const path = pathIn(join(notesIn(stateDirectory), name));
    // A note that was cut short by a crash names nothing.
    if (path === undefined || !path.startsWith(`${origin}/`) || basename(path) !== name) continue;
    await removeUnfinished(stateDirectory, there(path));
  }
}

function notesOf(stateDirectory: string): string[] {
  try {
    return readdirSync(notesIn(stateDirectory));
  } catch {
    return [];
  }
}

function pathIn(note: string): string | undefined {
  try {
    return readFileSync(note, 'utf8');
  } catch {
    return undefined;
  }
}
