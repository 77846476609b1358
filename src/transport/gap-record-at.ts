// writeGapRecord (program/gap-record.ts) for an archive, which may be on a disk that hangs. Loaded with the first gap.
import { join } from 'node:path';
import type { GapRecord } from '../program/gap-record.ts';
import { makeDirectoryDurably } from '../program/make-directory.ts';
import { createRecord, recordNames } from './record-file.ts';

/** Writes the record into an archive's directory of gaps, durably; one that is there already stays. */
export async function recordGapIn(directory: string, gap: GapRecord, writer: string): Promise<void> {
  await makeDirectoryDurably(directory);
  // For what a call left unfinished that was killed here.
  await recordNames(directory, writer);
  await createRecord(join(directory, gap.name), `${JSON.stringify(gap)}\n`, writer);
}
