// pg_control is only taken whole: real ones of several versions, and what a read in the middle of a write would see.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { isWholeControlFile, readWholeControlFile } from '../../../src/backup/source/control-file.ts';
import { createCluster } from '../../harness/create-cluster.ts';
import { findPostgres } from '../../harness/postgres-binaries.ts';
import { makeSandbox } from '../../harness/sandbox.ts';
import { majorsOfEachAge } from '../../harness/share.ts';
import { faultOf } from '../../program/fault.ts';

describe.each(majorsOfEachAge([10, 11, 12, 13, 14, 15, 16, 17, 18]))(
  'pg_control of PostgreSQL %i',
  (major) => {
    it('is whole as it is, and torn with any of its bytes changed, missing or of another time', async () => {
      await using sandbox = makeSandbox(`control-${major}`);
      const { dataDirectory } = await createCluster(sandbox, { postgres: findPostgres(major), name: 'c' });
      const bytes = readFileSync(join(dataDirectory, 'global/pg_control'));
      expect(isWholeControlFile(bytes)).toBe(true);
      expect((await readWholeControlFile(dataDirectory)).equals(bytes)).toBe(true);
      // Every version's fields go on to 250 at least, but for what fills up between them.
      for (let at = 0; at < 250; at++) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= 0x10;
        expect(isWholeControlFile(changed), `byte ${at}`).toBe(false);
      }
      expect(isWholeControlFile(bytes.subarray(0, 8191))).toBe(false);
      expect(isWholeControlFile(Buffer.concat([bytes, Buffer.alloc(1)]))).toBe(false);
      expect(isWholeControlFile(Buffer.alloc(8192))).toBe(false);
    });
  },
);

describe('a pg_control that is read while it is written', () => {
  it('is read again until it is whole', async () => {
    await using sandbox = makeSandbox('control-torn');
    const { dataDirectory } = await createCluster(sandbox, { postgres: findPostgres(15), name: 'c' });
    const path = join(dataDirectory, 'global/pg_control');
    const bytes = readFileSync(path);
    const torn = Buffer.from(bytes);
    torn.fill(0xaa, 100, 140);
    writeFileSync(path, torn);
    let isRead = false;
    const reading = readWholeControlFile(dataDirectory).finally(() => (isRead = true));
    await sleep(60);
    expect(isRead).toBe(false);
    writeFileSync(path, bytes);
    expect((await reading).equals(bytes)).toBe(true);
  });

  it('and stays damaged is refused, as is one that is not there', async () => {
    await using sandbox = makeSandbox('control-damaged');
    const path = sandbox.file('data/global/pg_control', Buffer.alloc(8192, 1));
    expect(await faultOf(() => readWholeControlFile(join(sandbox.path, 'data')))).toEqual({
      kind: 'data-directory',
      message: `"${path}" is damaged: its checksum is wrong`,
      detail: 'It was read 100 times.',
    });
    expect(await faultOf(() => readWholeControlFile(join(sandbox.path, 'none')))).toEqual({
      kind: 'data-directory',
      message: `could not read "${join(sandbox.path, 'none/global/pg_control')}": No such file or directory`,
    });
  });
});
