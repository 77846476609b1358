// pg_control as a base backup takes it: whole. The server may be writing it at the moment at which it is read, so it is read
// until its checksum is right (trap T20).
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fromSystemError, ProgramError } from '../../program/program-error.ts';
import { crc32c } from '../../wal/crc32c.ts';

/** PG_CONTROL_FILE_SIZE. */
const fileBytes = 8192;
/** ControlFileData ends with its CRC-32C, between these places in every version; what it covers comes before it. */
const shortest = 200;
const longest = 512;

/** Whether the bytes hold a CRC of all before it. */
export function isWholeControlFile(bytes: Buffer): boolean {
  if (bytes.length !== fileBytes) return false;
  for (let at = shortest; at <= longest; at += 4) {
    const found = bytes.readUInt32LE(at);
    if (found !== 0 && crc32c(bytes.subarray(0, at)) === found) return true;
  }
  return false;
}

const attempts = 100;
const pauseMs = 20;

/** The bytes of pg_control; a `data-directory` error where it cannot be read, or stays damaged. */
export async function readWholeControlFile(dataDirectory: string): Promise<Buffer> {
  const path = join(dataDirectory, 'global', 'pg_control');
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const bytes = await readFile(path).catch((error: unknown) => {
      const { message } = fromSystemError(error, `could not read "${path}"`);
      throw new ProgramError('data-directory', message, { cause: error });
    });
    if (isWholeControlFile(bytes)) return bytes;
    await pause(pauseMs);
  }
  throw new ProgramError('data-directory', `"${path}" is damaged: its checksum is wrong`, {
    detail: `It was read ${attempts} times.`,
  });
}
