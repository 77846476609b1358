// backup_manifest as PostgreSQL writes it, byte for byte; of both versions.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Manifest } from '../../../src/backup/source/manifest.ts';
import { makeSandbox } from '../../harness/sandbox.ts';

const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
const at = Date.UTC(2026, 10, 20, 12, 0, 7, 900);
const wal = { timeline: 3, start: 0x1_0200_0028n, end: 0x1_0200_0100n };

const files = `"Files": [
{ "Path": "PG_VERSION", "Size": 3, "Last-Modified": "2026-11-20 12:00:07 GMT", "Checksum-Algorithm": "SHA256", "Checksum": "${sha('15\n')}" },
{ "Path": "base/a \\"file\\" of \\\\ größe", "Size": 0, "Last-Modified": "1970-01-01 00:00:00 GMT", "Checksum-Algorithm": "SHA256", "Checksum": "${sha('')}" }
],
"WAL-Ranges": [
{ "Timeline": 3, "Start-LSN": "1/2000028", "End-LSN": "1/2000100" }
],
`;
const first = `{ "PostgreSQL-Backup-Manifest-Version": 1,\n${files}`;
const second = `{ "PostgreSQL-Backup-Manifest-Version": 2,\n"System-Identifier": 7311222333444555666,\n${files}`;

describe('a manifest', () => {
  it.each([
    [13, first],
    [16, first],
    [17, second],
    [18, second],
  ])('of PostgreSQL %i is as the server writes it', async (major, text) => {
    await using sandbox = makeSandbox('manifest');
    const manifest = new Manifest(sandbox.path, major, '7311222333444555666', 'SHA256');
    manifest.file('PG_VERSION', 3, at, sha('15\n'));
    manifest.file('base/a "file" of \\ größe', 0, 0, sha(''));
    manifest.end(wal);
    expect(readFileSync(manifest.path, 'utf8')).toBe(`${text}"Manifest-Checksum": "${sha(text)}"}\n`);
    expect(statSync(manifest.path).mode & 0o777).toBe(0o600);
    manifest.remove();
    manifest.remove();
    expect(readdirSync(sandbox.path)).toEqual([]);
  });

  it.each([
    ['CRC32C', ', "Checksum-Algorithm": "CRC32C", "Checksum": "83920ee3"'],
    ['SHA512', ', "Checksum-Algorithm": "SHA512", "Checksum": "83920ee3"'],
    ['NONE', ''],
  ] as const)('with the checksums %s says so of each file', async (name, fields) => {
    await using sandbox = makeSandbox('manifest');
    const manifest = new Manifest(sandbox.path, 15, '1', name);
    manifest.file('PG_VERSION', 3, at, '83920ee3');
    manifest.end(wal);
    expect(readFileSync(manifest.path, 'utf8')).toContain(
      `\n{ "Path": "PG_VERSION", "Size": 3, "Last-Modified": "2026-11-20 12:00:07 GMT"${fields} }\n],`,
    );
  });

  it('of more files than are kept in memory is the same', async () => {
    await using sandbox = makeSandbox('manifest');
    const manifest = new Manifest(sandbox.path, 15, '1', 'SHA256');
    for (let n = 0; n < 3000; n++) manifest.file(`base/5/${n}`, n, at, sha(String(n)));
    const before = statSync(manifest.path).size;
    expect(before).toBeGreaterThan(400_000);
    manifest.end(wal);
    const text = readFileSync(manifest.path, 'utf8');
    const { Files: all, 'Manifest-Checksum': checksum } = JSON.parse(text) as {
      Files: { Path: string; Size: number }[];
      'Manifest-Checksum': string;
    };
    expect(all.map(({ Path, Size }) => `${Path} ${Size}`)).toEqual(
      Array.from({ length: 3000 }, (_, n) => `base/5/${n} ${n}`),
    );
    expect(checksum).toBe(sha(text.slice(0, text.lastIndexOf('"Manifest-Checksum"'))));
  });

  it('removes what calls that were killed have left, and leaves those of calls at work', async () => {
    await using sandbox = makeSandbox('manifest');
    // No process has so high a number; 1 is always there.
    for (const name of [
      'backup_manifest.99999999',
      'backup_manifest.1',
      `backup_manifest.${process.pid}`,
      'backup_manifest.x',
    ])
      sandbox.file(name, 'left');
    const manifest = new Manifest(sandbox.path, 15, '1', 'SHA256');
    expect(readdirSync(sandbox.path).sort()).toEqual(
      ['backup_manifest.1', `backup_manifest.${process.pid}`, 'backup_manifest.x'].sort(),
    );
    manifest.remove();
    expect(existsSync(join(sandbox.path, `backup_manifest.${process.pid}`))).toBe(false);
  });

  it('says where it cannot be written', async () => {
    await using sandbox = makeSandbox('manifest');
    const path = join(sandbox.path, 'missing', `backup_manifest.${process.pid}`);
    expect(() => new Manifest(join(sandbox.path, 'missing'), 15, '1', 'SHA256')).toThrow(
      `could not write "${path}": No such file or directory`,
    );
  });
});
