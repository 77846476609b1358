// How an archive with compression = 'zstd' lies on disk, for tests that look behind a road's back: with the zstd of Node's
// one-shot call, which owes nothing to the streams under test.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import type { Storage } from './contract.ts';

export const zstdStorage: Storage = {
  nameOf: (entry) => (entry.startsWith('.tmp.') ? entry : entry.replace(/\.zst$/, '')),
  pathOf: (directory, name) => {
    const path = join(directory, name);
    return existsSync(path) ? path : `${path}.zst`;
  },
  contentOf: (path) => {
    const bytes = readFileSync(path);
    return path.endsWith('.zst') ? zstdDecompressSync(bytes) : bytes;
  },
};
