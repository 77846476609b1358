// A gap record: one small file that says that a WAL file was given up on purpose. Kept by the node that gave it up and by
// every archive that was to have the file; written once, never replaced.
import { join } from 'node:path';
import { ProgramError } from './program-error.ts';
import { createSmallFile, ensureDirectory } from './small-file.ts';
import { removeAbandoned } from './temporary-name.ts';

/** A file that archiving gave up on purpose; every later status, verification and restore shows it. */
export interface GapRecord {
  name: string;
  reason: 'discarded';
  /** ISO 8601, UTC. */
  at: string;
  node: string;
}

/** Writes the record into a directory of gaps, durably; one that is there already stays. */
export function writeGapRecord(directory: string, gap: GapRecord, nodeId: string): void {
  ensureDirectory(directory);
  removeAbandoned(directory, nodeId);
  createSmallFile(join(directory, gap.name), `${JSON.stringify(gap)}\n`, nodeId);
}

/** The record in a file's text; an `unsafe-state` error when it is damaged. */
export function parseGapRecord(path: string, text: string): GapRecord {
  try {
    return JSON.parse(text) as GapRecord;
  } catch (error) {
    throw new ProgramError('unsafe-state', `the gap record ${path} is damaged`, {
      hint: 'It says that the file of its name was never archived. Take note of that and remove it.',
      cause: error,
    });
  }
}
