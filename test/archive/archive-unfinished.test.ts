// A segment that PostgreSQL still writes to, named by hand: half of it must not become the archived one.
import { existsSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { program } from '../harness/installation.ts';
import { makeNode, refused, silent, type NodeFixture } from '../harness/node-fixture.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import { run } from '../harness/run.ts';
import { makeSandbox } from '../harness/sandbox.ts';
import { historyText, segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import { waitFor } from '../harness/wait-for.ts';
import { archiveOf, startPrimary } from '../server/pair.ts';

const name = segmentNamed(0x21);
const unfinished = (directory: string, file = name): string =>
  `archiveWALFile: ERROR:  cannot archive ${file}: PostgreSQL has not finished it\n` +
  `DETAIL:  There is neither ${file}.ready nor ${file}.done in ${directory}/archive_status.\n` +
  'HINT:  PostgreSQL itself calls archive_command once a segment is full, or after select pg_switch_wal().\n';

/** In pg_wal, without a mark. */
const put = (node: NodeFixture, file = name): string =>
  node.sandbox.file(`data/pg_wal/${file}`, segmentBytes(name));

describe('a segment that PostgreSQL has not finished', () => {
  it.each([name, `${name}.partial`])('is refused, by a dry run, too: %s', async (file) => {
    await using node = await makeNode('unfinished');
    put(node, file);
    const refusal = refused(12, unfinished(node.path('data/pg_wal'), file));
    expect(await node.archive(`pg_wal/${file}`, file)).toEqual(refusal);
    expect(await node.archive('--dry-run', `pg_wal/${file}`, file)).toEqual(refusal);
    expect(await node.archive(node.path(`data/pg_wal/${file}`), file)).toEqual(refusal);
  });

  it('is refused where pg_wal is a symbolic link, by either path', async () => {
    await using node = await makeNode('unfinished');
    mkdirSync(node.path('disk'));
    renameSync(node.path('data/pg_wal'), node.path('disk/wal'));
    symlinkSync(node.path('disk/wal'), node.path('data/pg_wal'));
    node.sandbox.file(`disk/wal/${name}`, segmentBytes(name));
    for (const directory of ['data/pg_wal', 'disk/wal'].map(node.path))
      expect(await node.archive(join(directory, name), name)).toEqual(refused(12, unfinished(directory)));
  });

  it('is not given up either while the archiving state is "discard"', async () => {
    await using node = await makeNode('unfinished');
    put(node);
    await run(program('twowarm'), ['archiving', 'discard', '-D', node.dataDirectory]);
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(
      refused(12, unfinished(node.path('data/pg_wal'))),
    );
  });

  it.each(['ready', 'done'])('is stored once it is marked: .%s', async (mark) => {
    await using node = await makeNode('unfinished');
    put(node);
    node.sandbox.file(`data/pg_wal/archive_status/${name}.${mark}`, '');
    expect(await node.archive(`pg_wal/${name}`, name)).toEqual(silent([`created db2/${name}`]));
  });

  it('is not looked for where the file lies elsewhere, is missing, or is no segment', async () => {
    await using node = await makeNode('unfinished');
    node.segment(name, {}, 'elsewhere');
    expect(await node.archive(node.path(`elsewhere/${name}`), name)).toEqual(silent([`created db2/${name}`]));
    const missing = segmentNamed(0x22);
    expect(await node.archive(`pg_wal/${missing}`, missing)).toEqual(
      refused(
        11,
        `archiveWALFile: ERROR:  could not open "${node.path(`data/pg_wal/${missing}`)}": No such file or directory\n`,
      ),
    );
    node.sandbox.file('data/pg_wal/00000002.history', historyText());
    expect(await node.archive('pg_wal/00000002.history', '00000002.history')).toEqual(
      silent(['created db2/00000002.history']),
    );
  });

  it(
    'of a real server is refused, and PostgreSQL’s own call for it succeeds later',
    { timeout: 60_000 },
    async () => {
      await using sandbox = makeSandbox('unfinished-server');
      const primary = await startPrimary(sandbox, { postgres: findPostgres(15) });
      const current = await primary.value<string>('select pg_walfile_name(pg_current_wal_insert_lsn())');
      const pgWal = join(primary.dataDirectory, 'pg_wal');
      const call = await run(program('archiveWALFile'), [`pg_wal/${current}`, current], {
        cwd: primary.dataDirectory,
      });
      expect(call).toMatchObject({ code: 12, stdout: '', stderr: unfinished(pgWal, current) });
      await primary.query('select pg_switch_wal()');
      await waitFor(`${current} in the archive`, () => existsSync(join(archiveOf(sandbox), current)));
      expect(await primary.value<string>('select failed_count::text from pg_stat_archiver')).toBe('0');
    },
  );
});
