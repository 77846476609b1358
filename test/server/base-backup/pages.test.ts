// A page of the primary whose content is not what its checksum says: the copy is not finished, and says where. A page that only
// reads torn, because the server is writing it, is none.
import { closeSync, existsSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { checksumOf } from '../../backup/source/page-checksum.ts';
import { copiedPair, copy, startCopy, type CopiedPair } from './copied-pair.ts';
import { expectNoBackup, expectUnusable } from './unusable.ts';
import { WriteLoad } from './write-load.ts';

const pageBytes = 8192;

let sandbox: Sandbox;
let pair: CopiedPair;
beforeAll(async () => {
  sandbox = makeSandbox('damaged-page');
  pair = await copiedPair(sandbox, { major: 15, road: 'file', initdbArgs: ['--data-checksums'] });
  await pair.primary.query('create table victim as select i, md5(i::text) from generate_series(1, 2000) i');
});
afterAll(async () => {
  await pair?.[Symbol.asyncDispose]();
  await sandbox?.dispose();
});

/** A block of a table's file, and whether it has the checksum that it says. */
function pageOf(
  { dataDirectory }: { dataDirectory: string },
  path: string,
  block: number,
): { isSound: boolean } {
  const page = readFileSync(join(dataDirectory, path)).subarray(block * pageBytes, (block + 1) * pageBytes);
  return { isSound: checksumOf(page, block) === page.readUInt16LE(8) };
}

/** Changes a byte of that block of the table; what its header says then, and what it has. */
async function damage(
  block: number,
  table = 'victim',
): Promise<{ path: string; found: number; calculated: number }> {
  const { primary } = pair;
  const path = await primary.value(`select pg_relation_filepath('${table}')`);
  await primary.query('checkpoint');
  await primary.stop();
  const file = openSync(join(primary.dataDirectory, path), 'r+');
  const page = Buffer.alloc(pageBytes);
  readSync(file, page, 0, pageBytes, block * pageBytes);
  // The server itself has made it.
  expect(checksumOf(page, block)).toBe(page.readUInt16LE(8));
  page[5000]! ^= 0x01;
  writeSync(file, page, 0, pageBytes, block * pageBytes);
  closeSync(file);
  await primary.start();
  return { path, found: page.readUInt16LE(8), calculated: checksumOf(page, block) };
}

describe('a page', { timeout: 200_000 }, () => {
  it('that is only being written is no damage: a primary under load is copied again and again', async () => {
    const { primary } = pair;
    await primary.query('alter system set bgwriter_delay = 10');
    await primary.reload();
    await using load = await WriteLoad.start(primary);
    for (let count = 0; count < 3; count++) {
      const checkpoint = primary.query('checkpoint');
      await copy(primary, ['-j', '4']);
      await checkpoint;
    }
    expect(await load.stop()).toBeGreaterThan(3);
  });

  it('that is damaged ends the copy with its place and both checksums, and nothing can start from it', async () => {
    const { primary, standby, target } = pair;
    await copy(primary);
    const first = await damage(2);
    const { code, stderr, events } = await startCopy(primary).result;
    const warning =
      `copyToStandby: WARNING:  the copy in ${target} is not complete, and nothing can start from it\n` +
      'HINT:  The same call again goes on from what is there. The primary leaves its backup mode with this call.\n';
    const error = (pages: string, told: string): string =>
      `${warning}copyToStandby: ERROR:  ${pages} damaged: the copy was not finished\n` +
      `DETAIL:  Checksums: ${told}.\n` +
      'HINT:  This primary has lost data: look at its disk and its memory first. What the target had in their places, if anything, was not overwritten. --no-verify-checksums copies the damage, too.\n';
    const one = `${first.path}: block 2 says ${first.found} and has ${first.calculated}`;
    expect({ code, stderr }).toEqual({ code: 58, stderr: error('1 page of 1 file of this cluster is', one) });
    expect(events.at(-1)).toMatchObject({ outcome: 'failed', kind: 'page-damaged', exitCode: 58 });
    await expectNoBackup(primary);
    await expectUnusable(standby);

    // All of them are counted, and the first of a file is told.
    await damage(5);
    const again = await startCopy(primary).result;
    expect({ code: again.code, stderr: again.stderr }).toEqual({
      code: 58,
      stderr: error('2 pages of 1 file of this cluster are', `${one}, and 1 more: block 5`),
    });
    await expectUnusable(standby);

    // Those that the copy had may be the last sound ones.
    for (const block of [2, 5]) expect(pageOf(standby, first.path, block).isSound, `${block}`).toBe(true);
    expect(pageOf(primary, first.path, 5).isSound).toBe(false);
  });

  it('that is damaged in a small file does not take the place of a sound one, but where nobody looks', async () => {
    const { primary, standby } = pair;
    await primary.query('create table small as select 1 as i');
    await copy(primary, ['--no-verify-checksums']);
    const { path } = await damage(0, 'small');
    expect((await startCopy(primary).result).code).toBe(58);
    expect(pageOf(standby, path, 0).isSound).toBe(true);
    await copy(primary, ['--no-verify-checksums']);
    expect(pageOf(standby, path, 0).isSound).toBe(false);
  });

  it('that is damaged goes along where nobody looks', async () => {
    const { primary, standby } = pair;
    await copy(primary, ['--no-verify-checksums']);
    const path = await primary.value("select pg_relation_filepath('victim')");
    expect(existsSync(join(standby.dataDirectory, 'global/pg_control'))).toBe(true);
    expect(
      readFileSync(join(standby.dataDirectory, path)).equals(readFileSync(join(primary.dataDirectory, path))),
    ).toBe(true);
  });
});
