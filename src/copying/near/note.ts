// The note in a data directory that a copy is being made into: from which cluster. It is there from before pg_control goes until
// after the new one has come, so that an interrupted copy is known for what it is.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import { replaceSmallFile } from '../../program/small-file.ts';
import type { SourceCluster } from '../target.ts';
import { noteName } from '../../program/lacking-data.ts';

export interface Note {
  systemIdentifier: string;
  /** As in PG_VERSION. */
  version: string;
  /** When the copy was begun, in UTC. */
  begun: string;
}

const isNote = (value: unknown): value is Note =>
  typeof value === 'object' &&
  value !== null &&
  ['systemIdentifier', 'version', 'begun'].every(
    (key) => typeof (value as Record<string, unknown>)[key] === 'string',
  );

/** Undefined where there is none; an `unsafe-state` error for one that cannot be understood. */
export function readNote(directory: string): Note | undefined {
  const path = join(directory, noteName);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fromSystemError(error, `could not read file "${path}"`);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isNote(value)) return value;
  } catch {
    // A damaged note is not a missing one.
  }
  throw new ProgramError('unsafe-state', `file "${path}" is damaged`, {
    detail: 'It says which cluster an interrupted copy is of.',
    hint: `If nothing in ${directory} is needed any more, remove that directory and start the copy again.`,
  });
}

/** Durable on return. */
export function writeNote(directory: string, source: SourceCluster, nodeId: string): void {
  const note = {
    what: 'a base backup is being copied into this directory, which no server can start in before that has ended',
    systemIdentifier: source.systemIdentifier,
    version: source.version,
    begun: new Date().toISOString(),
  };
  replaceSmallFile(join(directory, noteName), `${JSON.stringify(note, null, 2)}\n`, nodeId);
}
