// global/pg_control, as far as every version agrees on it: the system identifier and the two versions are the first
// fields (src/include/catalog/pg_control.h) and lie within one sector, so a concurrent write cannot tear them.
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError, ProgramError } from '../program/program-error.ts';
import { isSegmentSize } from '../wal/segment.ts';

export interface ControlFile {
  /** 64 bits, given by initdb; equal on all nodes of a cluster. */
  systemIdentifier: bigint;
  /** pg_control_version: 1300 for PostgreSQL 13 to 16, … */
  controlVersion: number;
  /** catalog_version_no: 202209061 for PostgreSQL 15. */
  catalogVersion: number;
}

// The server runs on this machine, so the file has this machine's byte order.
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

function readBeginning(path: string, bytes: number): DataView {
  const buffer = Buffer.alloc(bytes);
  try {
    const descriptor = openSync(path, 'r');
    const length = readSync(descriptor, buffer, 0, bytes, 0);
    closeSync(descriptor);
    return new DataView(buffer.buffer, buffer.byteOffset, length);
  } catch (error) {
    throw new ProgramError('data-directory', fromSystemError(error, `could not read ${path}`).message, {
      cause: error,
    });
  }
}

const pathIn = (dataDirectory: string): string => join(dataDirectory, 'global', 'pg_control');

/** Reads the identity of a cluster, running or not; a `data-directory` error when it cannot be read. */
export function readControlFile(dataDirectory: string): ControlFile {
  const path = pathIn(dataDirectory);
  const view = readBeginning(path, 16);
  const systemIdentifier = view.byteLength < 16 ? 0n : view.getBigUint64(0, littleEndian);
  if (systemIdentifier === 0n) {
    throw new ProgramError('data-directory', `${path} is not a control file: it is too short or zero`);
  }
  const [controlVersion, catalogVersion] = [8, 12].map((at) => view.getUint32(at, littleEndian)) as [
    number,
    number,
  ];
  return { systemIdentifier, controlVersion, catalogVersion };
}

/** FLOATFORMAT_VALUE: a number by which every version tells whether it can read the file. */
const floatFormat = 1234567;

/**
 * The size of the cluster's segments in bytes; a `data-directory` error when it cannot be found. Its place differs
 * between versions, but it always ends the same row: floatFormat, blcksz, relseg_size, xlog_blcksz, xlog_seg_size.
 */
export function readSegmentSize(dataDirectory: string): number {
  const path = pathIn(dataDirectory);
  const view = readBeginning(path, 512);
  for (let at = 16; at + 24 <= view.byteLength; at += 4) {
    const size = view.getUint32(at + 20, littleEndian);
    if (view.getFloat64(at, littleEndian) === floatFormat && isSegmentSize(size)) return size;
  }
  throw new ProgramError('data-directory', `could not find the segment size in ${path}`);
}
