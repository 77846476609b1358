// Whether PostgreSQL's own pg_verifybackup takes a copy for what its manifest says; where there is none of that version, whether
// the manifest is as PostgreSQL documents it and says what is there.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Cluster } from '../../harness/cluster.ts';
import { crc32c } from '../../../src/wal/crc32c.ts';
import { findOnMachine } from '../../harness/postgres-binaries.ts';
import { run } from '../../harness/run.ts';
import { segmentSizeOf, systemIdentifierOf } from './control.ts';

interface ManifestFile {
  Path: string;
  Size: number;
  'Last-Modified': string;
  'Checksum-Algorithm': string;
  Checksum: string;
}

export interface ManifestText {
  'PostgreSQL-Backup-Manifest-Version': number;
  'System-Identifier'?: bigint;
  Files: ManifestFile[];
  'WAL-Ranges': { Timeline: number; 'Start-LSN': string; 'End-LSN': string }[];
  'Manifest-Checksum': string;
}

export function manifestOf(dataDirectory: string): ManifestText {
  const text = readFileSync(join(dataDirectory, 'backup_manifest'), 'utf8');
  // A number of 64 bits that JSON.parse would round.
  const exact = text.replace(/("System-Identifier": )(\d+)/, '$1"$2"');
  const { 'System-Identifier': identifier, ...rest } = JSON.parse(exact) as ManifestText;
  return identifier === undefined ? rest : { ...rest, 'System-Identifier': BigInt(identifier) };
}

/** What every copy of 13 and later has to pass; an older one has no manifest. Before its first start. */
export async function expectVerified(copied: Cluster, archive: string): Promise<void> {
  const { major } = copied.postgres;
  expect(existsSync(join(copied.dataDirectory, 'backup_manifest'))).toBe(major >= 13);
  if (major < 13) return;
  expectDocumentedForm(copied);
  // Of 15, which knows no manifest of version 2.
  if (major < 17) await expectAccepted(copied, archive);
}

/** pg_verifybackup of 15: with the WAL from the archive where it can read that, and then pg_waldump alone. */
export async function expectAccepted({ dataDirectory, postgres }: Cluster, archive: string): Promise<void> {
  const tools = findOnMachine(15);
  // A machine without them, as one of the embedded servers alone, has the check of the form.
  if (tools === undefined) return;
  const wal = postgres.major === 15 ? ['-w', archive] : ['--no-parse-wal'];
  const verified = await run(join(tools.bindir, 'pg_verifybackup'), [...wal, dataDirectory]);
  expect(verified).toMatchObject({ code: 0, stdout: 'backup successfully verified\n', stderr: '' });
  if (postgres.major !== 15) return;
  const [range] = manifestOf(dataDirectory)['WAL-Ranges'];
  const { 'Start-LSN': start, 'End-LSN': end, Timeline: timeline } = range!;
  const words = ['-p', archive, '-t', String(timeline), '-s', start, '-e', end];
  const dumped = await run(join(tools.bindir, 'pg_waldump'), words);
  expect(dumped).toMatchObject({ code: 0, stderr: '' });
  expect(dumped.stdout).toMatch(/desc: CHECKPOINT_ONLINE /);
  expect(dumped.stdout.trim().split('\n').at(-1)).toMatch(/desc: BACKUP_END /);
}

/** Directories whose content is no part of a manifest, and files that a copy changes without harm (pg_verifybackup ignores them). */
const isIgnored = (path: string): boolean =>
  path.startsWith('pg_wal/') || ['backup_manifest', 'postgresql.auto.conf'].includes(path);

function filesIn(root: string, below = ''): string[] {
  return readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    // Tablespaces, and pg_wal, may be behind links.
    return statSync(join(root, path)).isDirectory() ? filesIn(root, path) : [path];
  });
}

/** As "Backup Manifest Format" of PostgreSQL's documentation has it, with all that is there and nothing else. */
export function expectDocumentedForm({ dataDirectory, postgres: { major } }: Cluster): void {
  const bytes = readFileSync(join(dataDirectory, 'backup_manifest'));
  const manifest = manifestOf(dataDirectory);
  const isNamed = major >= 17;
  expect(Object.keys(manifest).sort()).toEqual(
    [
      ...['Files', 'Manifest-Checksum', 'PostgreSQL-Backup-Manifest-Version', 'WAL-Ranges'],
      ...(isNamed ? ['System-Identifier'] : []),
    ].sort(),
  );
  expect(manifest['PostgreSQL-Backup-Manifest-Version']).toBe(isNamed ? 2 : 1);
  if (isNamed) expect(manifest['System-Identifier']).toBe(systemIdentifierOf(dataDirectory));
  // Of all bytes up to the line in which it stands.
  const lastLine = bytes.lastIndexOf(0x0a, bytes.length - 2) + 1;
  expect(bytes.subarray(lastLine).toString()).toBe(
    `"Manifest-Checksum": "${createHash('sha256').update(bytes.subarray(0, lastLine)).digest('hex')}"}\n`,
  );
  const listed = new Map(manifest.Files.map((file) => [file.Path, file]));
  expect(listed.size).toBe(manifest.Files.length);
  const there = filesIn(dataDirectory).filter((path) => !isIgnored(path));
  expect([...listed.keys()].filter((path) => !isIgnored(path)).sort()).toEqual(there.sort());
  for (const path of there) expectListed(dataDirectory, path, listed.get(path)!);
  expectWalRange(dataDirectory, manifest);
}

/** Its four bytes as they are in memory (src/common/checksum_helper.c). */
function checksumIn(content: Buffer): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(crc32c(content));
  return bytes.toString('hex');
}

function expectListed(root: string, path: string, listed: ManifestFile): void {
  const content = readFileSync(join(root, path));
  expect(listed).toEqual({
    ...{ Path: path, Size: content.length, 'Checksum-Algorithm': 'CRC32C' },
    'Last-Modified': expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d GMT$/) as string,
    Checksum: checksumIn(content),
  });
}

/** One range: from where backup_label says that replay begins, on its timeline. */
function expectWalRange(root: string, { 'WAL-Ranges': ranges }: ManifestText): void {
  const label = readFileSync(join(root, 'backup_label'), 'utf8');
  const [, start] = /^START WAL LOCATION: (\S+) /m.exec(label)!;
  const timeline = Number(/^START TIMELINE: (\d+)$/m.exec(label)![1]);
  expect(ranges).toEqual([
    {
      Timeline: timeline,
      'Start-LSN': start,
      'End-LSN': expect.stringMatching(/^[0-9A-F]+\/[0-9A-F]+$/) as string,
    },
  ]);
  const [log, low] = ranges[0]!['End-LSN'].split('/').map((part) => Number.parseInt(part, 16));
  // The record of the end of the backup is its last one, and within a segment.
  expect(((BigInt(log!) << 32n) + BigInt(low!)) % BigInt(segmentSizeOf(root))).toBeGreaterThan(0n);
}
