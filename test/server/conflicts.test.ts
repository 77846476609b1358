// A real server and a copy of it that both went on from one shutdown: the same segment, other bytes. twowarm conflicts show
// finds where they part, in the middle of a page, whichever of the two is compressed.
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Cluster } from '../harness/cluster.ts';
import { program } from '../harness/installation.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { run } from '../harness/run.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { archiveOf, commitRows, destination, giveHome, shipRows, startPrimary } from './pair.ts';

const pageBytes = 8192;

function firstDifference(one: Buffer, other: Buffer): number {
  let at = 0;
  while (one[at] === other[at]) at += 1;
  return at;
}

/** Starts it, has it write, and returns the name of the segment that was archived. */
async function goOn(cluster: Cluster, rows: number): Promise<string> {
  await cluster.start();
  await commitRows(cluster, rows);
  const name = await cluster.finishSegment();
  await cluster.waitUntilArchived(name);
  return name;
}

describe('twowarm conflicts show, of two segments of real servers', { timeout: 240_000 }, () => {
  it('says at which LSN they part', async () => {
    await using sandbox = makeSandbox('apart');
    const primary = await startPrimary(sandbox, { postgres: findPostgres(15) });
    const { dataDirectory } = primary;
    await shipRows(primary, 100);
    await primary.stop('fast');
    const [saved, second] = [join(sandbox.path, 'saved'), sandbox.directory('second')];
    expect((await run('cp', ['-a', dataDirectory, saved], { user: 'server' })).code).toBe(0);
    const name = await goOn(primary, 7);
    await primary.stop('fast');

    // As a test copy that was restored and opened in its place.
    rmSync(dataDirectory, { recursive: true });
    renameSync(saved, dataDirectory);
    giveHome(primary, destination(second));
    expect(await goOn(primary, 4000)).toBe(name);

    const archive = archiveOf(sandbox);
    const [kept, there] = [second, archive].map((directory) => readFileSync(join(directory, name)));
    const differsAt = firstDifference(kept!, there!);
    expect(differsAt % pageBytes).toBeGreaterThan(0);
    const place = async (lsn: string): Promise<[string, number]> => {
      const sql = 'select file_name as name, file_offset as at from pg_walfile_name_offset($1::pg_lsn)';
      const [row] = await primary.query<{ name: string; at: number }>(sql, [lsn]);
      return [row!.name, row!.at];
    };
    const room = `${archive}/.twowarm/quarantine/00000002-1`;
    for (const keptForm of ['', '.zst'])
      for (const form of ['', '.zst']) {
        for (const suffix of ['', '.zst'])
          for (const path of [room, archive]) rmSync(join(path, `${name}${suffix}`), { force: true });
        const put = (directory: string, bytes: Buffer, suffix: string): unknown =>
          sandbox.file(
            join(directory.slice(sandbox.path.length + 1), `${name}${suffix}`),
            suffix === '' ? bytes : zstdCompressSync(bytes),
          );
        put(room, kept!, keptForm);
        put(archive, there!, form);
        const words = ['conflicts', 'show', name, '-D', dataDirectory, '--archive', `file:${archive}`];
        const { code, stdout, stderr } = await run(program('twowarm'), words);
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        const [, said, lsn] = /part at byte (\d+), LSN (\S+)\. Up to there both are the same WAL\.\n$/.exec(
          stdout,
        )!;
        expect(stdout).toContain(
          `\nIt and the archive's ${name}${form} (${there!.length} bytes) part at byte `,
        );
        expect(Number(said)).toBe(differsAt);
        expect(await place(lsn!)).toEqual([name, differsAt]);
      }
  });
});
