// Clusters by a copy instead of by initdb, which costs several times as much: one data directory for each server, made
// once a run, and copied with a system identifier of its own.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

import { crc32c } from './crc32c.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { run } from './run.ts';
import { runDirectory } from './run-directory.ts';
import { giveToServerUser } from './server-user.ts';

const fixed = ['--no-sync', '--locale=C', '-E', 'UTF8', '-A', 'trust', '-U', 'postgres'];

/** What initdb would have made with these arguments, at `dataDirectory`, which must not exist. */
export async function initialise(
  postgres: PostgresBinaries,
  more: readonly string[],
  dataDirectory: string,
): Promise<void> {
  // They are few, and what they make differs: small segments are several, a directory for WAL is elsewhere.
  if (more.length > 0) return await initdb(postgres, more, dataDirectory);
  const copied = await run('cp', ['-a', '--', await templateOf(postgres), dataDirectory]);
  if (copied.code !== 0) throw new Error(`could not copy a cluster: ${copied.stderr}`);
  becomeAnother(dataDirectory);
}

async function initdb(postgres: PostgresBinaries, more: readonly string[], at: string): Promise<void> {
  const result = await run(join(postgres.bindir, 'initdb'), [...fixed, ...more, '-D', at]);
  if (result.code !== 0) throw new Error(`initdb failed: ${result.stdout}${result.stderr}`);
}

/** Workers may race for one: the first wins, and nobody sees half of it. */
async function templateOf(postgres: PostgresBinaries): Promise<string> {
  const directory = join(runDirectory(), 'clusters');
  const template = join(directory, `${postgres.kind}-${postgres.version}`);
  if (existsSync(template)) return template;
  mkdirSync(directory, { recursive: true });
  const room = mkdtempSync(join(directory, 'new-'));
  giveToServerUser(room);
  await initdb(postgres, [], join(room, 'data'));
  try {
    renameSync(join(room, 'data'), template);
  } catch (error) {
    if (!existsSync(template)) throw error;
  }
  return template;
}

/**
 * Gives it another system identifier: in pg_control, whose checksum covers it (include/catalog/pg_control.h), and in the
 * long header of its first segment's first page (XLogLongPageHeaderData, include/access/xlog_internal.h).
 */
function becomeAnother(dataDirectory: string): void {
  const control = join(dataDirectory, 'global', 'pg_control');
  const bytes = readFileSync(control);
  const checksumAt = checksumOf(bytes);
  const identifier = Buffer.concat([randomBytes(4), bytes.subarray(4, 8)]);
  const start = Buffer.concat([identifier, bytes.subarray(8, checksumAt)]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32c(start));
  overwrite(control, 0, Buffer.concat([start, checksum]));
  overwrite(join(dataDirectory, 'pg_wal', '000000010000000000000001'), 24, identifier);
}

/** Behind the last field, whose place depends on the version: where the checksum of all before it stands. */
function checksumOf(control: Buffer): number {
  for (let at = 200; at < 512; at += 4)
    if (crc32c(control.subarray(0, at)) === control.readUInt32LE(at)) return at;
  throw new Error('a pg_control without a checksum');
}

function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const file = openSync(path, 'r+');
  try {
    writeSync(file, bytes, 0, bytes.length, at);
  } finally {
    closeSync(file);
  }
}
