// backup_manifest, in PostgreSQL's own form (src/backend/backup/backup_manifest.c), so that pg_verifybackup reads it: a line per
// file, written to a file of ours as the files are copied, for a cluster may have a million of them.
import { createHash } from 'node:crypto';
import { appendFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError } from '../../program/program-error.ts';
import { startOfProcess } from '../../program/temporary-name.ts';
import { formatLsn } from '../../wal/lsn.ts';
import type { ChecksumName } from './checksum-names.ts';

/** The WAL that a copy needs to be consistent. */
export interface WalRange {
  timeline: number;
  start: bigint;
  end: bigint;
}

/** From 17 on it names the cluster. */
const withSystemIdentifier = 17;
/** Before 13 there is none. */
export const firstWithManifest = 13;

const flushAtBytes = 65_536;

/** 2026-11-20 12:00:00 GMT. */
const timeOf = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} GMT`;

const nameOf = (pid: number): string => `backup_manifest.${pid}`;

/** Those of calls that were killed: nobody else would, and they are large. */
function removeLeft(directory: string): void {
  for (const name of readdirSync(directory)) {
    const [, pid] = /^backup_manifest\.(\d+)$/.exec(name) ?? [];
    if (pid !== undefined && startOfProcess(Number(pid)) === undefined)
      rmSync(join(directory, name), { force: true });
  }
}

/** Whoever makes one removes it again. */
export class Manifest {
  /** backup_manifest.<process id>, so that several calls do not meet. */
  readonly path: string;
  private readonly hash = createHash('sha256');
  private readonly checksums: ChecksumName;
  private waiting = '';
  private hasFiles = false;

  /** In `directory`, of this process; `checksums`: of the files. */
  constructor(directory: string, major: number, systemIdentifier: string, checksums: ChecksumName) {
    this.checksums = checksums;
    this.path = join(directory, nameOf(process.pid));
    try {
      removeLeft(directory);
      // What is there of this number was another process's before.
      writeFileSync(this.path, '', { mode: 0o600 });
    } catch (error) {
      throw fromSystemError(error, `could not write "${this.path}"`);
    }
    const isNamed = major >= withSystemIdentifier;
    this.add(`{ "PostgreSQL-Backup-Manifest-Version": ${isNamed ? 2 : 1},\n`);
    if (isNamed) this.add(`"System-Identifier": ${systemIdentifier},\n`);
    this.add('"Files": [');
  }

  /** `checksum` of the whole content, hexadecimal; `modified` in ms since 1970. */
  file(path: string, sizeBytes: number, modified: number, checksum: string): void {
    const fields = [
      `"Path": ${JSON.stringify(path)}`,
      `"Size": ${sizeBytes}`,
      `"Last-Modified": "${timeOf(modified)}"`,
    ];
    if (this.checksums !== 'NONE')
      fields.push(`"Checksum-Algorithm": "${this.checksums}"`, `"Checksum": "${checksum}"`);
    this.add(`${this.hasFiles ? ',' : ''}\n{ ${fields.join(', ')} }`);
    this.hasFiles = true;
  }

  /** After the last file: the file at `path` is whole. */
  end({ timeline, start, end }: WalRange): void {
    const lsns = `"Start-LSN": "${formatLsn(start)}", "End-LSN": "${formatLsn(end)}"`;
    this.add(`\n],\n"WAL-Ranges": [\n{ "Timeline": ${timeline}, ${lsns} }\n],\n`);
    this.flush();
    this.write(`"Manifest-Checksum": "${this.hash.digest('hex')}"}\n`);
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }

  private add(text: string): void {
    this.waiting += text;
    if (this.waiting.length >= flushAtBytes) this.flush();
  }

  private flush(): void {
    this.hash.update(this.waiting);
    this.write(this.waiting);
    this.waiting = '';
  }

  private write(text: string): void {
    try {
      appendFileSync(this.path, text);
    } catch (error) {
      throw fromSystemError(error, `could not write "${this.path}"`);
    }
  }
}
