// What pg_control says of the database: its state, and where the last checkpoint began. All of it lies in the first 64
// bytes, within one sector, so a concurrent write cannot tear them. Whose database it is, control-file.ts says.
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError, ProgramError } from '../program/program-error.ts';

// enum DBState (src/include/catalog/pg_control.h), in its order.
const states = [
  'starting up',
  'shut down',
  'shut down in recovery',
  'shutting down',
  'in crash recovery',
  'in archive recovery',
  'in production',
] as const;

export interface DatabaseState {
  /** As pg_controldata words it; undefined for a state that this version does not know. */
  state: (typeof states)[number] | undefined;
  /** The timeline of the last checkpoint or restart point: what was replayed since may be of a newer one. */
  timeline: number;
  /** Where that checkpoint or restart point began: all before it was replayed. */
  redo: bigint;
  /** Where its record is: there is WAL up to here at least. */
  checkpoint: bigint;
}

/** PostgreSQL 11 dropped the address of the checkpoint before the last, which came before the copy of the last one. */
const withoutPreviousCheckpoint = 1100;
/** PostgreSQL 9.3 made an LSN one number; before it was two, the upper one first. */
const withWholeLsn = 937;

/** Reads the state of a database, running or not; a `data-directory` error when it cannot be read. */
export function readDatabaseState(dataDirectory: string): DatabaseState {
  const path = join(dataDirectory, 'global', 'pg_control');
  const bytes = Buffer.alloc(64);
  try {
    const descriptor = openSync(path, 'r');
    readSync(descriptor, bytes, 0, bytes.length, 0);
    closeSync(descriptor);
  } catch (error) {
    const { message } = fromSystemError(error, `could not read ${path}`);
    throw new ProgramError('data-directory', message, { cause: error });
  }
  const numbers = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const at = (offset: number): number => numbers[offset / 4]!;
  // state@16, time@24, checkPoint@32, [prevCheckPoint@40,] checkPointCopy: redo, ThisTimeLineID
  const version = at(8);
  const copy = version < withoutPreviousCheckpoint ? 48 : 40;
  const lsnAt = (offset: number): bigint =>
    version < withWholeLsn
      ? (BigInt(at(offset)) << 32n) | BigInt(at(offset + 4))
      : new BigUint64Array(numbers.buffer, numbers.byteOffset + offset, 1)[0]!;
  return { state: states[at(16)], timeline: at(copy + 8), redo: lsnAt(copy), checkpoint: lsnAt(32) };
}
