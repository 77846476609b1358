// What a stored file holds, in two figures: the plaintext's size and SHA-256. For a compressed file they are on record
// (content-record.ts); one that lacks its record is decoded to know them.
import { createHash } from 'node:crypto';
import { parseLongPageHeader } from '../../wal/page-header.ts';
import { openRegular } from '../copy.ts';
import { closeFile, lstat, unlessMissing } from '../../program/system-calls.ts';
import { ProgramError } from '../../program/program-error.ts';
import { pathInForm, type Form } from '../stored-form.ts';
import { readRecord } from './content-record.ts';
import { plaintextOf, type Stored } from './decode.ts';

/** A plaintext by its size and its SHA-256 in 64 lower-case hexadecimal digits. */
export interface Contents {
  sizeBytes: number;
  sha256: string;
}

export const areSame = (left: Contents, right: Contents): boolean =>
  left.sizeBytes === right.sizeBytes && left.sha256 === right.sha256;

/** Counts and hashes what passes. */
export class Tally {
  private readonly hash = createHash('sha256');
  private sizeBytes = 0;

  add(chunk: Uint8Array): void {
    this.hash.update(chunk);
    this.sizeBytes += chunk.length;
  }

  end(): Contents {
    return { sizeBytes: this.sizeBytes, sha256: this.hash.digest('hex') };
  }
}

/** The longest segment there is; text files are far shorter. Only for what has no header of a segment either. */
const longestFileBytes = 1024 * 1024 * 1024;

/** How much may be in a file that nobody has recorded: what its own first page says, for a bomb says nothing true. */
async function limitOf(stored: Stored, signal: AbortSignal): Promise<number> {
  for await (const chunk of plaintextOf(stored, longestFileBytes, signal)) {
    const header = parseLongPageHeader(chunk);
    return 'problem' in header || header.newer ? longestFileBytes : header.segmentSize;
  }
  return 0;
}

/** Reads and decodes the whole file. */
export async function countContents(stored: Stored, signal: AbortSignal): Promise<Contents> {
  const limitBytes = stored.form === 'plain' ? Infinity : await limitOf(stored, signal);
  const tally = new Tally();
  for await (const chunk of plaintextOf(stored, limitBytes, signal)) tally.add(chunk);
  return tally.end();
}

/** What is on record of a compressed file, else what is in it. `target` is the path of its plain form. */
export async function contentsOf(
  target: string,
  stored: Stored,
  signal: AbortSignal,
): Promise<Contents & { isRecorded: boolean }> {
  const recorded = stored.form === 'zstd' ? await readRecord(target, stored) : undefined;
  if (recorded !== undefined) return { ...recorded, isRecorded: true };
  return { ...(await countContents(stored, signal)), isRecorded: false };
}

/** Opens a file in one form; undefined where there is none, and a fault where it is no regular file. */
export async function openForm(target: string, form: Form): Promise<Stored | undefined> {
  const path = pathInForm(target, form);
  for (;;) {
    const opened = await unlessMissing(openRegular(path));
    if (opened !== undefined && opened !== 'not a file') return { ...opened, path, form };
    const entry = await unlessMissing(lstat(path));
    if (entry === undefined) return undefined;
    // Published between the two looks. A link that leads nowhere is not nothing: somebody has put it there.
    if (opened === undefined && entry.isFile()) continue;
    throw new ProgramError('input-output', `${path} is not a regular file`);
  }
}

/** Opens both forms of a file, as far as they are there, for the time of `work`. */
export async function withForms<T>(target: string, work: (forms: Stored[]) => Promise<T>): Promise<T> {
  const forms: Stored[] = [];
  try {
    for (const form of ['plain', 'zstd'] as const) {
      const stored = await openForm(target, form);
      if (stored !== undefined) forms.push(stored);
    }
    return await work(forms);
  } finally {
    for (const { descriptor } of forms) await closeFile(descriptor);
  }
}
