// The checksums of files in a manifest, by each of the names that pg_basebackup knows.
import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checksumNames } from '../../../src/backup/source/checksum-names.ts';
import { checksumOfBytes } from '../../../src/backup/source/file-checksum.ts';
import { chunkBytes } from '../../../src/copying/target.ts';

describe('the checksum of a file', () => {
  it.each(['SHA224', 'SHA256', 'SHA384', 'SHA512'] as const)('is its %s, over all its chunks', (name) => {
    for (const length of [0, 1, chunkBytes, 2 * chunkBytes + 5]) {
      const bytes = randomBytes(length);
      expect(checksumOfBytes(bytes, name)).toBe(createHash(name.toLowerCase()).update(bytes).digest('hex'));
    }
  });

  it('is CRC32C by default, its bytes as they are in memory', () => {
    expect(checksumNames[0]).toBe('CRC32C');
    expect(checksumOfBytes(Buffer.from('123456789'), 'CRC32C')).toBe('839206e3');
  });

  it('is none where none is wanted', () => {
    expect(checksumOfBytes(Buffer.from('x'), 'NONE')).toBe('');
  });
});
