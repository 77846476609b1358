// What pg_control says of recovery: up to where the pages on disk need the WAL, and the settings of the primary below which
// a hot standby must not be. Their place differs between versions; it is found from the row of sizes behind them.
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError, ProgramError } from '../program/program-error.ts';

export interface ControlRecovery {
  /** Where the record of the last checkpoint, or of the one a base backup began with, lies; its timeline is DatabaseState's. */
  checkpoint: bigint;
  /** A standby's pages may be as new as this; 0n where there is no such point. */
  minRecoveryPoint: bigint;
  /** Of that point; 0 where there is none. */
  minRecoveryTimeline: number;
  /** The primary's, by the names of the settings; max_wal_senders from 12 on. Empty where the file holds none. */
  limits: ReadonlyMap<string, number>;
}

/** pg_control_version of 10 to 18: in these the order of the fields is known (src/include/catalog/pg_control.h). */
const known = [1002, 1100, 1201, 1300, 1700, 1800];
const withWalSenders = 1201;
const floatFormat = 1234567;

function readWhole(path: string): DataView {
  const bytes = Buffer.alloc(512);
  try {
    const descriptor = openSync(path, 'r');
    const length = readSync(descriptor, bytes, 0, bytes.length, 0);
    closeSync(descriptor);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  } catch (error) {
    const { message } = fromSystemError(error, `could not read ${path}`);
    throw new ProgramError('data-directory', message, { cause: error });
  }
}

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * Undefined for a version whose layout is not known. A `data-directory` error where the file cannot be read. Not for a
 * running server, which may be writing it.
 */
export function readControlRecovery(dataDirectory: string): ControlRecovery | undefined {
  const view = readWhole(join(dataDirectory, 'global', 'pg_control'));
  if (view.byteLength < 256) return undefined;
  const version = view.getUint32(8, littleEndian);
  const sizes = placeOfSizes(view);
  if (!known.includes(version) || sizes === undefined) return undefined;
  // Before the row: minRecoveryPoint, its timeline, backupStartPoint, backupEndPoint, backupEndRequired, wal_level,
  // wal_log_hints, max_connections, max_worker_processes, [max_wal_senders,] max_prepared_transactions,
  // max_locks_per_transaction, track_commit_timestamp, maxAlign. Without the senders 4 bytes before the row are filled up.
  const at = (back: number): number => view.getInt32(sizes - back, littleEndian);
  const names = ['max_connections', 'max_worker_processes', 'max_wal_senders'].slice(
    0,
    version < withWalSenders ? 2 : 3,
  );
  const limits = [...names, 'max_prepared_transactions', 'max_locks_per_transaction'].map(
    (name, index) => [name, at(28 - 4 * index)] as const,
  );
  return {
    checkpoint: view.getBigUint64(32, littleEndian),
    minRecoveryPoint: view.getBigUint64(sizes - 72, littleEndian),
    minRecoveryTimeline: view.getUint32(sizes - 64, littleEndian),
    // No server has room for no connection: a file that was made by something else.
    limits: new Map(limits[0]![1] > 0 ? limits : []),
  };
}

/** Where floatFormat lies, behind which blcksz and its like follow. */
function placeOfSizes(view: DataView): number | undefined {
  for (let at = 128; at + 8 <= view.byteLength; at += 8)
    if (view.getFloat64(at, littleEndian) === floatFormat) return at;
  return undefined;
}
