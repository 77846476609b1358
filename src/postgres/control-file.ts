// global/pg_control, as far as every version agrees on it: the system identifier and the control version are the first
// two fields (src/include/catalog/pg_control.h) and lie within one sector, so a concurrent write cannot tear them.
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError, ProgramError } from '../program/program-error.ts';

export interface ControlFile {
  /** 64 bits, given by initdb; equal on all nodes of a cluster. */
  systemIdentifier: bigint;
  /** pg_control_version: 1300 for PostgreSQL 13 to 16, … */
  controlVersion: number;
}

/** Reads the identity of a cluster, running or not; a `data-directory` error when it cannot be read. */
export function readControlFile(dataDirectory: string): ControlFile {
  const path = join(dataDirectory, 'global', 'pg_control');
  const bytes = Buffer.alloc(16);
  let length: number;
  try {
    const descriptor = openSync(path, 'r');
    length = readSync(descriptor, bytes, 0, bytes.length, 0);
    closeSync(descriptor);
  } catch (error) {
    throw new ProgramError('data-directory', fromSystemError(error, `could not read ${path}`).message, {
      cause: error,
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // The server runs on this machine, so the file has this machine's byte order.
  const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
  const systemIdentifier = view.getBigUint64(0, littleEndian);
  if (length < bytes.length || systemIdentifier === 0n) {
    throw new ProgramError('data-directory', `${path} is not a control file: it is too short or zero`);
  }
  return { systemIdentifier, controlVersion: view.getUint32(8, littleEndian) };
}
