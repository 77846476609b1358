// Whether this node archives into its own archive too, as one that was triggered does: the marker
// <home>/state/own-archive. Its absence is an answer; one that cannot be read is none, for a copy would be left out.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateDirectory } from './node-record.ts';
import { errnoOf, fromSystemError, ProgramError } from './program-error.ts';
import { ensureDirectory, replaceSmallFile } from './small-file.ts';

export interface OwnArchive {
  /** ISO 8601, UTC. */
  since: string;
  /** The timeline that the node was promoted to. */
  timeline: number;
}

const markerPath = (home: string): string => join(stateDirectory(home), 'own-archive');

const isMarker = (value: unknown): value is OwnArchive => {
  const { since, timeline } = (value ?? {}) as Partial<Record<keyof OwnArchive, unknown>>;
  if (typeof since !== 'string' || typeof timeline !== 'number') return false;
  return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(since) && Number.isInteger(timeline) && timeline >= 1;
};

function parseMarker(path: string, text: string): OwnArchive {
  try {
    const value: unknown = JSON.parse(text);
    if (isMarker(value)) return { since: value.since, timeline: value.timeline };
  } catch {
    // Refused below: a damaged marker is not a missing one.
  }
  throw new ProgramError('unsafe-state', `the marker ${path} is damaged`, {
    detail: 'It says that this node was triggered and archives into its own archive, too.',
    hint: `If it was, write {"since":"2026-01-31T12:00:00.000Z","timeline":2} into it, with the time and the timeline; if it never was, remove it.`,
  });
}

/** Since when this node archives into its own archive, too; undefined: it does not. Else an `unsafe-state` error. */
export function readOwnArchive(home: string): OwnArchive | undefined {
  const path = markerPath(home);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    const reason = fromSystemError(error, `could not read the marker ${path}`).message;
    throw new ProgramError('unsafe-state', reason, { cause: error });
  }
  return parseMarker(path, text);
}

/**
 * From the next file on this node archives into its own archive, too; durable on return. Repeating it for the same
 * timeline keeps the first time. Makes no archive directory: whoever promotes looks first that it is there.
 */
export function beginOwnArchive(home: string, nodeId: string, begun: OwnArchive): void {
  const since = sinceOfSame(home, begun.timeline) ?? begun.since;
  ensureDirectory(stateDirectory(home));
  replaceSmallFile(markerPath(home), `${JSON.stringify({ since, timeline: begun.timeline })}\n`, nodeId);
}

function sinceOfSame(home: string, timeline: number): string | undefined {
  try {
    const found = readOwnArchive(home);
    return found?.timeline === timeline ? found.since : undefined;
  } catch (error) {
    // A damaged marker is what this call mends.
    if (error instanceof ProgramError) return undefined;
    throw error;
  }
}
