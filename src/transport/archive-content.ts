// What a directory without an owner holds: whether any WAL, and of which cluster. Only its first names are looked at.
import type { Dir, Dirent } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError } from '../program/program-error.ts';
import { closeFile, openDirectory, openFile, readInto, unlessMissing } from '../program/system-calls.ts';
import { parseWalFileName, type WalFileName } from '../wal/filename.ts';
import { parseLongPageHeader } from '../wal/page-header.ts';
import { walNameOf } from './stored-form.ts';

// How far a directory is searched for one segment before it is adopted; it may hold a million names.
const adoptionLook = 1000;

const hasHeader = (name: WalFileName | undefined): boolean =>
  name?.kind === 'segment' || name?.kind === 'partial';

const openListing = (directory: string): Promise<Pick<Dir, 'read' | 'close'>> =>
  openDirectory(directory).catch((error: unknown) => {
    throw fromSystemError(error, `could not look into the archive directory ${directory}`);
  });

/** The first names of a directory without an owner that `wanted` answers for; undefined when there is none. */
async function lookThrough<T>(
  directory: string,
  wanted: (entry: Dirent) => T | undefined | Promise<T | undefined>,
): Promise<T | undefined> {
  const entries = await openListing(directory);
  try {
    for (let looked = 0; looked < adoptionLook; looked++) {
      const entry = await entries.read();
      if (entry === null) return undefined;
      const answer = await wanted(entry);
      if (answer !== undefined) return answer;
    }
    return undefined;
  } finally {
    await entries.close();
  }
}

/** The first bytes of a file: as many as a header has. None of a file that was removed since its name was read. */
export async function beginningOf(path: string): Promise<Buffer> {
  const bytes = Buffer.alloc(40);
  try {
    const descriptor = await unlessMissing(openFile(path, 'r'));
    if (descriptor === undefined) return bytes.subarray(0, 0);
    try {
      const { bytesRead } = await readInto(descriptor, bytes, 0, bytes.length, 0);
      return bytes.subarray(0, bytesRead);
    } finally {
      await closeFile(descriptor);
    }
  } catch (error) {
    throw fromSystemError(error, `could not read ${path}`);
  }
}

const identifierIn = (beginning: Uint8Array): string | undefined => {
  const header = parseLongPageHeader(beginning);
  return 'problem' in header || header.newer ? undefined : header.systemIdentifier.toString();
};

/** The system identifier in the first segment that turns up, plain before compressed. */
export async function identifierOfContent(directory: string): Promise<string | undefined> {
  let compressed: string | undefined;
  const identifier = await lookThrough(directory, async (entry) => {
    const name = walNameOf(entry.name);
    if (name === undefined || !hasHeader(parseWalFileName(name)) || !entry.isFile()) return undefined;
    if (name === entry.name) return identifierIn(await beginningOf(join(directory, name)));
    compressed ??= name;
    return undefined;
  });
  if (identifier !== undefined || compressed === undefined) return identifier;
  const { beginningOfCompressed } = await import('./compressed/fetch-compressed.ts');
  return identifierIn(await beginningOfCompressed(join(directory, compressed)));
}

/** Whether anything in the directory has the name of a WAL file, in either form. */
export const holdsWal = async (directory: string): Promise<boolean> =>
  (await lookThrough(directory, (entry) => walNameOf(entry.name))) !== undefined;
