// The switch of archiving, <home>/state/archiving: on, hold or discard. A state that cannot be read counts as hold:
// PostgreSQL then keeps the WAL, which is the one answer that loses nothing.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stateDirectory } from './node-record.ts';
import { errnoOf, fromSystemError, ProgramError } from './program-error.ts';
import { ensureDirectory, replaceSmallFile } from './small-file.ts';

export const archivingStates = ['on', 'hold', 'discard'] as const;
export type ArchivingState = (typeof archivingStates)[number];

/** After "it is" and "archiving was". */
export const stateWords: Readonly<Record<ArchivingState, string>> = {
  on: 'on',
  hold: 'on hold',
  discard: 'set to discard',
};

export const archivingStatePath = (home: string): string => join(stateDirectory(home), 'archiving');

const isState = (text: string): text is ArchivingState =>
  (archivingStates as readonly string[]).includes(text);

/** The state in force; `on` when nothing was ever said. An `unsafe-state` error when the file cannot be trusted. */
export function readArchivingState(home: string): ArchivingState {
  const path = archivingStatePath(home);
  let text: string;
  try {
    text = readFileSync(path, 'latin1').trim();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'on';
    const reason = fromSystemError(error, `could not read the archiving state ${path}`).message;
    throw new ProgramError('unsafe-state', `${reason}; archiving is on hold`, { cause: error });
  }
  if (isState(text)) return text;
  throw new ProgramError('unsafe-state', `the archiving state ${path} is damaged; archiving is on hold`, {
    hint: 'Set it again: twowarm archiving on|hold|discard',
  });
}

/** Sets the state durably. */
export function writeArchivingState(home: string, state: ArchivingState, nodeId: string): void {
  ensureDirectory(stateDirectory(home));
  replaceSmallFile(archivingStatePath(home), `${state}\n`, nodeId);
}
