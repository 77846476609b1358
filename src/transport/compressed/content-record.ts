// .twowarm/contents/<name>: size and SHA-256 of the plaintext of a file that is stored compressed, so that what it holds is
// known without decoding. A record tells which compressed bytes it speaks of; for any others, as for a damaged one, there
// is no record. So it may be written again at any time, and one that a killed writer left behind misleads nobody.
import { basename, dirname } from 'node:path';
import { makeDirectoryDurably } from '../../program/make-directory.ts';
import { errnoOf } from '../../program/program-error.ts';
import {
  closeFile,
  openFile,
  readText,
  rename,
  settleOpenFile,
  unlessMissing,
} from '../../program/system-calls.ts';
import { temporaryPath } from '../../program/temporary-name.ts';
import { fill, writeAll, type OpenFile } from '../copy.ts';
import { syncDirectoryOf, syncOrFail } from '../publish.ts';
import { contentsPath } from '../stored-form.ts';
import type { Identity } from '../transport.ts';
import { noteUnfinished, removeUnfinished } from '../unfinished.ts';
import { writerOf } from '../writer.ts';
import type { Contents } from './contents.ts';

/** So much of the compressed file's end is kept: its last block and the checksum of its plaintext. */
const endingBytes = 16;

interface ContentRecord extends Contents {
  name: string;
  /** The compressed file that this is about: its size, and its last bytes in hexadecimal digits. */
  stored: { sizeBytes: number; ending: string };
}

async function identityOf({ descriptor, stats }: OpenFile): Promise<ContentRecord['stored']> {
  const ending = Buffer.alloc(Math.min(endingBytes, stats.size));
  const length = await fill(descriptor, ending, stats.size - ending.length);
  return { sizeBytes: stats.size, ending: ending.subarray(0, length).toString('hex') };
}

function parseRecord(text: string): ContentRecord | undefined {
  try {
    const { name, sizeBytes, sha256, stored } = JSON.parse(text) as ContentRecord;
    const isWhole = Number.isSafeInteger(sizeBytes) && sizeBytes >= 0 && /^[0-9a-f]{64}$/.test(sha256);
    return isWhole && typeof stored.ending === 'string' ? { name, sizeBytes, sha256, stored } : undefined;
  } catch {
    // Damaged, which is as good as missing: what the file holds is found out by decoding it.
    return undefined;
  }
}

/** What is on record of the compressed form of `target`; undefined where nothing is on record of these bytes. */
export async function readRecord(target: string, file: OpenFile): Promise<Contents | undefined> {
  const text = await unlessMissing(readText(contentsPath(target), 'utf8'));
  const record = text === undefined ? undefined : parseRecord(text);
  if (record === undefined || record.name !== basename(target)) return undefined;
  const { sizeBytes, ending } = await identityOf(file);
  if (record.stored.sizeBytes !== sizeBytes || record.stored.ending !== ending) return undefined;
  return { sizeBytes: record.sizeBytes, sha256: record.sha256 };
}

async function createTemporary(path: string, by: Identity): Promise<number> {
  noteUnfinished(by.stateDirectory, path);
  try {
    return await openFile(path, 'wx', 0o600);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    await makeDirectoryDurably(dirname(path));
    return openFile(path, 'wx', 0o600);
  }
}

/** Puts on record what the compressed `file` of `target` holds, in place of what was; durable on return. */
export async function writeRecord(
  target: string,
  file: OpenFile,
  { sizeBytes, sha256 }: Contents,
  by: Identity,
): Promise<void> {
  const record: ContentRecord = {
    name: basename(target),
    sizeBytes,
    sha256,
    stored: await identityOf(file),
  };
  const temporary = temporaryPath(contentsPath(target), writerOf(by));
  try {
    const descriptor = await createTemporary(temporary, by);
    try {
      await settleOpenFile(descriptor, temporary);
      await writeAll(descriptor, Buffer.from(`${JSON.stringify(record)}\n`));
      await syncOrFail(descriptor, temporary);
    } finally {
      await closeFile(descriptor);
    }
    await rename(temporary, contentsPath(target));
  } finally {
    await removeUnfinished(by.stateDirectory, temporary);
  }
  await syncDirectoryOf(contentsPath(target));
}

/** Makes a record durable that was found: its writer may have died before it could. */
export async function settleRecord(target: string): Promise<void> {
  const descriptor = await openFile(contentsPath(target), 'r');
  try {
    await syncOrFail(descriptor, contentsPath(target));
  } finally {
    await closeFile(descriptor);
  }
  await syncDirectoryOf(contentsPath(target));
}
