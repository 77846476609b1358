// The walk through a cluster: what is copied of each directory, in which order, and how little of it is kept.
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  sizeOf,
  walk,
  walLinkOf,
  type Source,
  type SourceDirectory,
} from '../../../src/backup/source/walk.ts';
import type { NameSet } from '../../../src/copying/name-set.ts';
import { makeSandbox, type Sandbox } from '../../harness/sandbox.ts';
import { faultOf } from '../../program/fault.ts';

const versionDirectory = 'PG_15_202209061';
/** V8's own collector, which Node.js has only under a flag. */
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const never = new AbortController().signal;

let sandbox: Sandbox;
let data: string;
beforeEach(() => {
  sandbox = makeSandbox('walk');
  data = sandbox.directory('data');
});
afterEach(() => sandbox.dispose());

const sourceOf = (changes: Partial<Source> = {}): Source => ({
  ...{ dataDirectory: data, tablespaces: [], versionDirectory, temporaryStatistics: undefined },
  ...{ ours: new Set<string>(), major: 15 },
  ...changes,
});

async function all(source: Source): Promise<SourceDirectory[]> {
  const found: SourceDirectory[] = [];
  for await (const directory of walk(source)) found.push(directory);
  return found;
}

/** 'path: files' of every directory, in order. */
const walked = async (source: Source): Promise<string[]> =>
  (await all(source)).map(({ path, files }) => `${path}: ${[...files].sort().join(' ')}`.trim());

describe('the walk', () => {
  it('gives parents first, what is in each, and pg_wal and pg_tblspc at the end', async () => {
    for (const name of [
      'PG_VERSION',
      'postmaster.pid',
      'base/5/1259',
      'base/5/t3_20',
      'base/5/20',
      'base/5/20_init',
    ])
      sandbox.file(`data/${name}`, 'x');
    for (const name of [
      'global/1262',
      'global/pg_control',
      'pg_wal/000000010000000000000001',
      'pg_xact/0000',
    ])
      sandbox.file(`data/${name}`, 'x');
    for (const name of ['pg_notify/0000', 'pg_replslot/one/state', 'pg_wal/archive_status/x.ready'])
      sandbox.file(`data/${name}`, 'x');
    sandbox.directory('data/pg_tblspc');
    expect(await walked(sourceOf({ major: 16 }))).toEqual([
      ': PG_VERSION',
      'base:',
      'base/5: 1259 20_init',
      'global: 1262',
      'pg_notify:',
      'pg_replslot:',
      'pg_xact: 0000',
      'pg_wal/archive_status:',
      'pg_tblspc:',
    ]);
    expect((await walked(sourceOf({ major: 17 }))).slice(-3)).toEqual([
      'pg_wal/archive_status:',
      'pg_wal/summaries:',
      'pg_tblspc:',
    ]);
    // What belongs there, so that all else may go; pg_control comes by another way.
    const [top] = await all(sourceOf());
    expect([...top!.files, ...top!.directories].sort()).toEqual([
      'PG_VERSION',
      'base',
      'global',
      'pg_notify',
      'pg_replslot',
      'pg_tblspc',
      'pg_wal',
      'pg_xact',
    ]);
  });

  it('goes into tablespaces, of which only the directory of this cluster is its own', async () => {
    sandbox.file(`space/${versionDirectory}/5/16400`, 'x');
    sandbox.file('space/PG_14_202107181/5/16400', 'x');
    sandbox.file(`data/pg_tblspc/16401/${versionDirectory}/5/1`, 'x');
    symlinkSync(join(sandbox.path, 'space'), join(data, 'pg_tblspc/16390'));
    const tablespaces = [
      { oid: '16390', location: join(sandbox.path, 'space') },
      { oid: '16401', location: 'pg_tblspc/16401' },
    ];
    const found = await all(sourceOf({ tablespaces }));
    expect(found.map(({ path, files }) => `${path}: ${[...files].join(' ')}`.trim())).toEqual([
      ':',
      'pg_wal/archive_status:',
      'pg_tblspc:',
      `pg_tblspc/16390/${versionDirectory}:`,
      `pg_tblspc/16390/${versionDirectory}/5: 16400`,
      'pg_tblspc/16401:',
      `pg_tblspc/16401/${versionDirectory}:`,
      `pg_tblspc/16401/${versionDirectory}/5: 1`,
    ]);
    expect([...found[2]!.directories]).toEqual(['16390', '16401']);
  });

  it("leaves out twowarm's own directories, and the statistics of a running server", async () => {
    for (const name of ['archive/x', 'base/5/1', 'my/stats/db_5.stat', 'my/other'])
      sandbox.file(`data/${name}`, 'x');
    expect(await walked(sourceOf({ ours: new Set(['archive']), temporaryStatistics: 'my/stats' }))).toEqual([
      ':',
      'base:',
      'base/5: 1',
      'my: other',
      'my/stats:',
      'pg_wal/archive_status:',
      'pg_tblspc:',
    ]);
  });

  it('tells of what is neither file nor directory, but for pg_wal', async () => {
    sandbox.file('data/base/5/1', 'x');
    symlinkSync('/etc/passwd', join(data, 'server.key'));
    symlinkSync('/nowhere', join(data, 'pg_wal'));
    spawnSync('mkfifo', [join(data, 'base/5/fifo')]);
    const special = (await all(sourceOf())).flatMap(({ path, special: found }) =>
      found.map((name) => `${path}/${name}`),
    );
    expect(special).toEqual(['/server.key', 'base/5/fifo']);
  });

  it('gives a directory that is copied empty also where it is a link, as to a disk in memory', async () => {
    for (const name of ['pg_stat_tmp', 'pg_replslot']) symlinkSync(sandbox.path, join(data, name));
    expect(await walked(sourceOf())).toEqual([
      ...[':', 'pg_replslot:', 'pg_stat_tmp:', 'pg_wal/archive_status:', 'pg_tblspc:'],
    ]);
    const [top] = await all(sourceOf());
    expect({ special: top!.special, names: [...top!.files, ...top!.directories].sort() }).toEqual({
      special: [],
      names: ['pg_replslot', 'pg_stat_tmp'],
    });
  });

  it('passes over a database that is dropped while it is on its way there', async () => {
    for (const database of [4, 5, 6]) sandbox.file(`data/base/${database}/1`, 'x');
    const paths: string[] = [];
    for await (const { path } of walk(sourceOf())) {
      paths.push(path);
      if (path === 'base/6') rmSync(join(data, 'base/5'), { recursive: true });
    }
    expect(paths).toEqual(['', 'base', 'base/6', 'base/4', 'pg_wal/archive_status', 'pg_tblspc']);
  });

  it('refuses a name that would not lead back to its file, and a directory that is not there', async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${data}/caf`), Buffer.from([0xe9])]), 'x');
    expect(await faultOf(() => all(sourceOf()))).toEqual({
      kind: 'data-directory',
      message: `a file in "${data}" has a name that is no UTF-8: caf\ufffd`,
      hint: 'PostgreSQL makes no such names: move the file elsewhere.',
    });
    const missing = join(sandbox.path, 'none');
    expect(await all(sourceOf({ dataDirectory: missing }))).toEqual([]);
  });

  it('keeps the modes of directories', async () => {
    mkdirSync(join(data, 'base'), { mode: 0o750 });
    expect((await all(sourceOf())).map(({ path, mode }) => `${path} ${mode.toString(8)}`)).toEqual([
      ' 700',
      'base 750',
      'pg_wal/archive_status 700',
      'pg_tblspc 700',
    ]);
  });

  it('counts the bytes of what is to be read', async () => {
    sandbox.file('data/base/5/1', 'x'.repeat(1000));
    sandbox.file('data/base/5/t1_2', 'x'.repeat(1000));
    for (let n = 0; n < 200; n++) sandbox.file(`data/base/6/${n}`, 'xx');
    expect(await sizeOf(sourceOf(), never)).toBe(1400);
    await expect(sizeOf(sourceOf(), AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });

  it('keeps nothing of a directory that is done: of many large ones no more than of one', async () => {
    for (let directory = 0; directory < 10; directory++) {
      sandbox.directory(`data/base/${directory}`);
      for (let n = 0; n < 2000; n++) writeFileSync(join(data, `base/${directory}/${n}`), '');
    }
    const kept: WeakRef<NameSet>[] = [];
    let files = 0;
    for await (const directory of walk(sourceOf())) {
      files += directory.files.size;
      if (directory.files.size > 0) kept.push(new WeakRef(directory.files));
      await new Promise(setImmediate);
    }
    collectGarbage();
    await new Promise(setImmediate);
    collectGarbage();
    expect(files).toBe(20_000);
    expect(kept.filter((each) => each.deref() !== undefined).length).toBeLessThanOrEqual(1);
  });
});

describe('pg_wal', () => {
  it.each([
    ['/elsewhere/wal', '/elsewhere/wal'],
    ['../wal', undefined],
  ])('that is a link to %s is found there', async (aim, absolute) => {
    symlinkSync(aim, join(data, 'pg_wal'));
    expect(await walLinkOf(data)).toBe(absolute ?? join(sandbox.path, 'wal'));
  });

  it('that is a directory is no link, and one that is missing is a fault', async () => {
    sandbox.directory('data/pg_wal');
    expect(await walLinkOf(data)).toBe(undefined);
    rmSync(join(data, 'pg_wal'), { recursive: true });
    expect((await faultOf(() => walLinkOf(data))).kind).toBe('data-directory');
  });
});
