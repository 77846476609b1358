// Where and how a server keeps its WAL makes no difference: other segment sizes, paths with spaces, pg_wal elsewhere.
import { lstatSync, readdirSync, renameSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';

import { findPostgres } from '../harness/postgres-binaries.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { inTurn } from '../harness/share.ts';
import { archiveOf, makeArchive } from './pair.ts';
import { promoteWithEveryRow } from './scenarios.ts';

describe('every row is shipped, restored and promoted', { concurrent: true, timeout: 120_000 }, () => {
  const its = inTurn(2);
  its('with segments of 64 MB', async () => {
    await using sandbox = makeSandbox('wide');
    await promoteWithEveryRow(sandbox, findPostgres(15), { initdbArgs: ['--wal-segsize=64'] });
    const archive = archiveOf(sandbox);
    const segments = readdirSync(archive).filter((name) => name.length === 24);
    expect(segments.length).toBeGreaterThan(2);
    const sizes = segments.map((name) => statSync(join(archive, name)).size);
    expect(new Set(sizes)).toEqual(new Set([64 * 1024 * 1024]));
  });

  its('with spaces in the paths of both data directories, both homes and the archive', async () => {
    await using sandbox = makeSandbox('spaces');
    const [name, standby] = ['a primary', 'its standby'];
    const shipsTo = makeArchive(sandbox, standby);
    await promoteWithEveryRow(sandbox, findPostgres(), { name, standby, shipsTo });
  });

  its('with pg_wal on another disk, behind a symbolic link', async () => {
    await using sandbox = makeSandbox('elsewhere');
    const disk = sandbox.directory('disk');
    await promoteWithEveryRow(sandbox, findPostgres(), {
      initdbArgs: ['-X', join(disk, 'primary')],
      prepare: (dataDirectory) => {
        renameSync(join(dataDirectory, 'pg_wal'), join(disk, 'standby'));
        symlinkSync(join(disk, 'standby'), join(dataDirectory, 'pg_wal'));
      },
    });
    for (const server of ['primary', 'standby']) {
      expect(lstatSync(join(sandbox.path, server, 'data', 'pg_wal')).isSymbolicLink()).toBe(true);
      expect(readdirSync(join(disk, server)).some((name) => name.length === 24)).toBe(true);
    }
  });
});
