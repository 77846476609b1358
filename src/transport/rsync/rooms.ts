// Private directories of one call each, in <home>/state/rsync/: what rsync sends is put together there, and what it fetches is
// looked at there. Those of processes that are gone are removed by the next call.
import { existsSync } from 'node:fs';
import { chmod, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileMode, makeDirectory } from '../../program/file-owner.ts';
import { errnoOf, fromSystemError } from '../../program/program-error.ts';
import { isAbandoned, isTemporaryName, temporaryPath } from '../../program/temporary-name.ts';
import type { Identity } from '../transport.ts';
import { writerOf } from '../writer.ts';

/** Makes a directory, and those between it and the room, whose mode is 0700, too. */
export function makeWithin(room: string, name: string): void {
  if (name === '.' || name === '') return;
  makeWithin(room, dirname(name));
  makeDirectory(join(room, name));
}

/** Writes a small file of a room, whose mode is 0600. */
export async function writeWithin(room: string, name: string, text: string): Promise<void> {
  makeWithin(room, dirname(name));
  await writeFile(join(room, name), text, { mode: fileMode });
  await chmod(join(room, name), fileMode);
}

/** Undefined where another process has removed the directory around it at that moment, because it was empty. */
function makeRoom(all: string, by: Identity): string | undefined {
  try {
    makeDirectory(all);
    const room = temporaryPath(join(all, 'room'), writerOf(by));
    makeDirectory(room);
    return room;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || !existsSync(by.stateDirectory)) throw error;
    return undefined;
  }
}

/** Calls that end beside this one may take the directory away now and then, but not for long. */
const mostTries = 1000;
const atOnce = 10;
/** Not longer than that, in ms, before it is tried so many times again. */
const pauseMs = 5;

async function make(all: string, by: Identity): Promise<string> {
  try {
    for (let tries = 1; ; tries++) {
      const room = makeRoom(all, by);
      if (room !== undefined) return room;
      if (tries === mostTries) throw new Error('it is removed again and again');
      // Who removes it may be at work in step with us.
      if (tries % atOnce === 0) await pause(pauseMs * Math.random());
    }
  } catch (error) {
    throw fromSystemError(error, `could not create a directory in ${all}`);
  }
}

/** Also the one around them, where it is the last. */
async function remove(room: string): Promise<void> {
  await rm(room, { recursive: true, force: true });
  await rmdir(dirname(room)).catch(() => undefined);
}

/** A room for the time of `work`, which is gone afterwards with all that is in it. */
export async function inRoom<T>(by: Identity, work: (room: string) => Promise<T>): Promise<T> {
  const all = join(by.stateDirectory, 'rsync');
  const room = await make(all, by);
  try {
    return await work(room);
  } finally {
    await remove(room);
  }
}

/** Removes what calls of this node left that were killed. What cannot be removed stays. */
export async function sweepRooms(by: Identity): Promise<void> {
  const all = join(by.stateDirectory, 'rsync');
  const names = await readdir(all).catch(() => []);
  for (const name of names)
    if (isTemporaryName(name) && isAbandoned(name, writerOf(by), 0))
      await remove(join(all, name)).catch(() => undefined);
}
