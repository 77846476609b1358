// What this node notes of each destination in <home>/state/destinations/<name>/: that it is suspended, that it stands
// in for another (both count, and are durable), since when it fails, when it last worked (both only help). What it has
// and lacks is the ledger's matter (transport/ledger.ts).
import { existsSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileMode, giveToOwnerOf, makeDirectory } from './file-owner.ts';
import { stateDirectory } from './node-record.ts';
import { errnoOf, fromSystemError, ProgramError } from './program-error.ts';
import type { Lack } from './settings/settings.ts';
import { createSmallFile, ensureDirectory } from './small-file.ts';
import { removeAbandoned } from './temporary-name.ts';

/** A file that was stored, and when, ISO 8601. */
export interface Reached {
  at: string;
  file: string;
}

/** Fails since the first of these times; of the last try, what it was about and how it ended. */
export interface Failing extends Reached {
  since: string;
  reason: string;
  /** How long the last try took, in ms. */
  tookMs: number;
  /** When it was last tried with its whole time limit. */
  wholeAt: string;
}

/** Since when, ISO 8601; of a stand-in with the first file that it took. */
export interface Suspension {
  since: string;
}
export type StandingIn = Suspension & { file: string };

const rootOf = (home: string): string => join(stateDirectory(home), 'destinations');
const noteOf = (home: string, destination: string, note: string): string =>
  join(rootOf(home), destination, note);
const standingIn = (required: string): string => `standing-in.${required}`;

/** Notes that change nothing of what the next call does. */
const harmless = ['reached', 'failed', 'lacking'];

/** Whether nothing is noted that the next call has to heed. An `unsafe-state` error when that cannot be known. */
export function isUsual(home: string, destination: string): boolean {
  const path = join(rootOf(home), destination);
  try {
    return readdirSync(path).every((note) => harmless.includes(note) || note.startsWith('.'));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true;
    const reason = fromSystemError(error, `could not read ${path}`).message;
    throw new ProgramError('unsafe-state', reason, { cause: error });
  }
}

/** A note that counts: absent is an answer, one that cannot be read is none. */
function readCounting<T>(path: string): T | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    const reason = fromSystemError(error, `could not read ${path}`).message;
    throw new ProgramError('unsafe-state', reason, { cause: error });
  }
  const value = parse<T & Suspension>(text);
  if (value !== undefined && !Number.isNaN(Date.parse(value.since))) return value;
  throw new ProgramError('unsafe-state', `the note ${path} is damaged`, {
    hint: 'Remove it and say it again: twowarm destination suspend NAME, if it was suspended.',
  });
}

function parse<T>(text: string): T | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}

/** A note that only helps: one that is missing, damaged or not to be read says nothing. */
function readHelping<T>(path: string): T | undefined {
  try {
    return parse<T>(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** A home that is full or read-only loses such a note, nothing else. */
function writeHelping(home: string, destination: string, note: string, value: object): void {
  const path = noteOf(home, destination, note);
  const write = (): void => {
    writeFileSync(path, `${JSON.stringify(value)}\n`, { mode: fileMode });
    giveToOwnerOf(home, path);
  };
  try {
    try {
      write();
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      for (const directory of [rootOf(home), join(rootOf(home), destination)]) makeDirectory(directory);
      write();
    }
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}

function removeNote(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw fromSystemError(error, `could not remove ${path}`);
  }
}

function createCounting(
  home: string,
  nodeId: string,
  destination: string,
  note: string,
  value: object,
): boolean {
  const directory = join(rootOf(home), destination);
  for (const path of [rootOf(home), directory]) ensureDirectory(path);
  removeAbandoned(directory);
  return createSmallFile(noteOf(home, destination, note), `${JSON.stringify(value)}\n`, nodeId);
}

export const readSuspension = (home: string, destination: string): Suspension | undefined =>
  readCounting(noteOf(home, destination, 'suspended'));

/** Durable on return; false when it was suspended already. */
export const suspend = (home: string, nodeId: string, destination: string, since: string): boolean =>
  createCounting(home, nodeId, destination, 'suspended', { since });

/** False when it was not suspended. */
export const resume = (home: string, destination: string): boolean =>
  removeNote(noteOf(home, destination, 'suspended'));

export const readStandingIn = (home: string, fallback: string, required: string): StandingIn | undefined =>
  readCounting(noteOf(home, fallback, standingIn(required)));

/** Durable on return; false when it stood in already: the first time counts. */
export const beginStandingIn = (
  home: string,
  nodeId: string,
  fallback: string,
  required: string,
  begun: StandingIn,
): boolean => createCounting(home, nodeId, fallback, standingIn(required), begun);

/** False when another call has ended it. */
export const endStandingIn = (home: string, fallback: string, required: string): boolean =>
  removeNote(noteOf(home, fallback, standingIn(required)));

/** What the road to a destination was found to lack. */
export interface Lacking {
  lacks: Lack[];
  /** How files go there, as a sentence; null where the URL says it. */
  way: string | null;
  /** Of the destination, when that was found. */
  url: string;
}

export const isNotedLacking = (home: string, destination: string): boolean =>
  existsSync(noteOf(home, destination, 'lacking'));

export const readLacking = (home: string, destination: string): Lacking | undefined =>
  readHelping(noteOf(home, destination, 'lacking'));

export const noteLacking = (home: string, destination: string, lacking: Lacking): void =>
  writeHelping(home, destination, 'lacking', lacking);

export function forgetLacking(home: string, destination: string): void {
  try {
    removeNote(noteOf(home, destination, 'lacking'));
  } catch {
    // It only helps.
  }
}

export const readReached = (home: string, destination: string): Reached | undefined =>
  readHelping(noteOf(home, destination, 'reached'));

export const noteReached = (home: string, destination: string, reached: Reached): void =>
  writeHelping(home, destination, 'reached', reached);

export const readFailing = (home: string, destination: string): Failing | undefined =>
  readHelping(noteOf(home, destination, 'failing'));

export const noteFailing = (home: string, destination: string, failing: Failing): void =>
  writeHelping(home, destination, 'failing', failing);

/** Suspended, or it failed when it was tried last: whoever can do without it does not wait for it. */
export const isAway = (home: string, destination: string): boolean =>
  readSuspension(home, destination) !== undefined || readFailing(home, destination) !== undefined;

/** The last failure, of one that works again. */
export const readFailed = (home: string, destination: string): Failing | undefined =>
  readHelping(noteOf(home, destination, 'failed'));

/** It works again; the note stays as that of the last failure. */
export function endFailing(home: string, destination: string): void {
  try {
    renameSync(noteOf(home, destination, 'failing'), noteOf(home, destination, 'failed'));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}
