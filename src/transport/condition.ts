// How an archive directory is off, beyond what opening it shows: the room of its disk, and whether a file can be made there in the
// way in which every file is: written, fsynced, linked to a second name. Both names are those of unfinished files, and go.
import { join } from 'node:path';
import { fromSystemError } from '../program/program-error.ts';
import {
  closeFile,
  openFile,
  settleOpenFile,
  syncPath,
  unlinkIfThere,
  writeFrom,
} from '../program/system-calls.ts';
import { temporaryPath } from '../program/temporary-name.ts';
import { hintFor } from './archive-faults.ts';
import { linkIfFree, syncOrFail } from './publish.ts';
import { roomOf, type Room } from './room.ts';

export interface Condition extends Room {
  /** How long it took to make a small file durable there, in ms; undefined where that was not asked for. */
  writeMs: number | undefined;
  /** The clock of the machine that has it, in ms. */
  nowMs: number;
}

/** Enough to need a block of its own. */
const probe = Buffer.alloc(8192, 0x2a);

async function writeProbe(path: string): Promise<void> {
  const descriptor = await openFile(path, 'wx', 0o600);
  try {
    await settleOpenFile(descriptor, path);
    for (let at = 0; at < probe.length;)
      at += (await writeFrom(descriptor, probe, at, probe.length - at)).bytesWritten;
    await syncOrFail(descriptor, path);
  } finally {
    await closeFile(descriptor);
  }
}

/** Makes a file as publish does, and removes it; the ms that took. `no-hard-links`, `not-durable` or a fault of the system. */
async function tryToWrite(directory: string, nodeId: string): Promise<number> {
  const begun = performance.now();
  const [first, second] = ['check', 'checked'].map((name) =>
    temporaryPath(join(directory, name), nodeId),
  ) as [string, string];
  try {
    await writeProbe(first);
    await linkIfFree(first, second);
    await syncPath(directory);
  } catch (error) {
    throw fromSystemError(error, `could not make a file in ${directory}`, hintFor(error));
  } finally {
    for (const path of [second, first]) await unlinkIfThere(path).catch(() => undefined);
  }
  return Math.round(performance.now() - begun);
}

/** The directory as it is now. With `write` a file is made there and removed again. */
export async function conditionOf(directory: string, nodeId: string, write: boolean): Promise<Condition> {
  const writeMs = write ? await tryToWrite(directory, nodeId) : undefined;
  try {
    return { ...(await roomOf(directory)), writeMs, nowMs: Date.now() };
  } catch (error) {
    throw fromSystemError(error, `could not look at the disk of ${directory}`);
  }
}
