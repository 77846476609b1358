// compression = 'zstd' as PostgreSQL sees it: archiveWALFile stores, restoreWALFile delivers and waits, twowarm prune removes,
// and a changed setting changes nothing of what is there.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { commandLine, makeNode, refused, silent, type NodeFixture } from '../harness/node-fixture.ts';
import { inTurn } from '../harness/share.ts';
import { answered, report, startWaiting, target } from '../harness/waiting.ts';
import { historyText, segmentBytes, segmentNamed } from '../harness/wal-files.ts';

const toml = (path: (name: string) => string, compression = 'zstd'): string =>
  `[destination.db2]\nurl = 'file:${path('db2')}'\ncompression = '${compression}'\n` +
  `[restore]\nsources = ['file:${path('db2')}']\nretry_limit = '200ms'\n`;

let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('compressed', { configuration: toml });
  // The one note that a first delivery leaves: the directory for notes.
  await node.restore(segmentNamed(1), target);
});
beforeEach(() => {
  node.configure(toml(node.path));
  node.mode('standby');
  rmSync(node.path(`data/${target}`), { force: true });
});
afterAll(() => node[Symbol.asyncDispose]());

const stored = (name: string): string[] => [
  `created db2/.twowarm/contents/${name}`,
  `created db2/${name}.zst`,
];
const archive = (name: string) => node.archive(`pg_wal/${name}`, name);

describe('archiveWALFile to a destination that compresses', () => {
  inTurn(2).each([segmentNamed(20), `${segmentNamed(20)}.partial`])(
    'stores %s as .zst, silently, and again',
    async (name) => {
      const bytes = segmentBytes(segmentNamed(20));
      node.sandbox.file(`data/pg_wal/${name}`, bytes);
      node.ready(name);
      expect(await archive(name)).toEqual(silent(stored(name)));
      expect(await archive(name)).toEqual(silent());
      const path = node.path(`db2/${name}.zst`);
      expect(zstdDecompressSync(readFileSync(path)).equals(bytes)).toBe(true);
      const byHand = spawnSync('zstd', ['-q', '-d', '-c', path], { maxBuffer: 2 * bytes.length });
      expect(byHand.stdout.equals(bytes)).toBe(true);
    },
  );

  it('stores a history file as it is, readable by anybody', async () => {
    node.sandbox.file('data/pg_wal/00000002.history', historyText());
    expect(await archive('00000002.history')).toEqual(silent(['created db2/00000002.history']));
    expect(readFileSync(node.path('db2/00000002.history'), 'utf8')).toBe(historyText());
    // A standby that finds it would follow timeline 2.
    for (const directory of ['db2', 'data/pg_wal']) rmSync(node.path(`${directory}/00000002.history`));
  });

  it('refuses another content, and touches neither copy', async () => {
    const name = node.segment(segmentNamed(21));
    await archive(name);
    node.segment(name, { content: 0x22 });
    const url = `file:${node.path('db2')}`;
    expect(await archive(name)).toEqual(
      refused(
        14,
        `archiveWALFile: ERROR:  ${name} exists at ${url} with different content\n` +
          "DETAIL:  The archive's copy has 1048576 bytes, this one 1048576; they differ from byte 40 on. Neither was touched.\n" +
          "HINT:  Two servers archive to one place, or a restored copy of the cluster does, or the archive's copy is damaged, or was archived by hand while PostgreSQL still wrote it. Find out which copy is right.\n",
      ),
    );
  });

  it('refuses a file that is not what its name says, and leaves nothing', async () => {
    const name = node.segment(segmentNamed(22), { pageAddress: 0n });
    expect(await archive(name)).toMatchObject({ code: 12, changed: [] });
  });

  it('counts what is there plain, and what it stored itself once it no longer compresses', async () => {
    const [before, after] = [segmentNamed(23), segmentNamed(24)].map((name) => node.segment(name));
    node.configure(toml(node.path, 'none'));
    expect(await archive(before!)).toEqual(silent([`created db2/${before}`]));
    node.configure(toml(node.path));
    expect(await archive(before!)).toEqual(silent());
    expect(await archive(after!)).toEqual(silent(stored(after!)));
    node.configure(toml(node.path, 'none'));
    expect(await archive(after!)).toEqual(silent());
  });

  it('says of a dry run what would come of it', async () => {
    const [there, fresh] = [segmentNamed(23), segmentNamed(25)].map((name) => node.segment(name));
    const say = async (name: string) => (await node.archive('--dry-run', `pg_wal/${name}`, name)).stdout;
    const url = `file:${node.path('db2')}`;
    expect(await say(there!)).toBe(`${there} is stored at ${url}\n`);
    expect(await say(fresh!)).toBe(`${fresh} would be stored at ${url}\n`);
  });
});

describe('restoreWALFile from an archive that holds compressed segments', () => {
  it('delivers one, byte for byte', async () => {
    const name = node.segment(segmentNamed(30));
    await archive(name);
    expect(await node.restore(name, target)).toEqual(silent([`created data/${target}`]));
    expect(readFileSync(node.path(`data/${target}`)).equals(segmentBytes(name))).toBe(true);
  });

  inTurn(2).each([
    ['standby', 1],
    ['recovery', 200],
    ['none', 1],
  ] as const)('delivers nothing of a damaged one, which is not absent: %s', async (mode, code) => {
    const name = node.segment(segmentNamed(31));
    await archive(name);
    const path = node.path(`db2/${name}.zst`);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length - 20));
    node.mode(mode);
    const error = report(
      'ERROR',
      `${path} is damaged: unexpected end of file`,
      `HINT:  Nothing was restored from it. See what is wrong with it: zstd -t "${path}".`,
    );
    expect(await node.restore(name, target)).toEqual(refused(code, error));
    rmSync(path);
  });

  it('takes one that somebody has compressed by hand, and refuses one that is not what its name says', async () => {
    const [good, bad] = [segmentNamed(32), segmentNamed(33)];
    node.segment(good, {}, 'db2');
    node.segment(bad, { pageAddress: 0n }, 'db2');
    for (const name of [good, bad])
      expect(spawnSync('zstd', ['-q', '--rm', node.path(`db2/${name}`)]).status).toBe(0);
    spawnSync('chmod', ['0644', ...[good, bad].map((name) => node.path(`db2/${name}.zst`))]);
    expect(await node.restore(good, target)).toEqual(silent([`created data/${target}`]));
    rmSync(node.path(`data/${target}`));
    const url = `file:${node.path('db2')}`;
    expect(await node.restore(bad, target)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        `will not restore ${bad} from ${url}: it is not what its name says`,
      ) as string,
      changed: [],
    });
  });

  it('wakes a waiting call when one arrives', async () => {
    const name = segmentNamed(40);
    node.segment(name);
    const call = await startWaiting(node, name);
    const startedAt = performance.now();
    expect(await archive(name)).toMatchObject({ code: 0, stderr: '' });
    expect(await call.ended()).toEqual(answered(0, '', [`created data/${target}`, ...stored(name)]));
    // Far below the minute after which it would have looked by itself.
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });

  it('prunes both forms with restore.prune, and with twowarm prune, records included', async () => {
    await using pruner = await makeNode('prune-compressed', {
      configuration: (path) => `${toml(path)}prune = true\n`,
    });
    pruner.mode('standby');
    for (const number of [2, 3, 4, 5, 6]) {
      const name = pruner.segment(segmentNamed(number));
      pruner.configure(`${toml(pruner.path, number % 2 === 0 ? 'none' : 'zstd')}prune = true\n`);
      expect(await pruner.archive(`pg_wal/${name}`, name)).toMatchObject({ code: 0, stderr: '' });
    }
    const left = (): string[] =>
      ['', '/.twowarm/contents'].flatMap((directory) =>
        readdirSync(pruner.path(`db2${directory}`)).filter((name) => !name.startsWith('.')),
      );
    const file = (number: number, suffix = ''): string => segmentNamed(number) + suffix;
    expect(await pruner.restore(file(6), target, file(4))).toMatchObject({ code: 0, stderr: '' });
    expect(left().sort()).toEqual([file(4), file(5), file(5, '.zst'), file(6)].sort());
    const dry = await pruner.sh(commandLine('twowarm', 'prune', '--dry-run', file(6)));
    const url = `file:${pruner.path('db2')}`;
    expect(dry.stdout).toBe(
      `${file(4)} would be removed from ${url}\n${file(5)} would be removed from ${url}\n2 segments, 2097152 bytes, would be removed from ${url}\n`,
    );
    expect(await pruner.sh(commandLine('twowarm', 'prune', file(6)))).toMatchObject({ code: 0, stderr: '' });
    expect(left()).toEqual([file(6)]);
  });
});

it('a plain archive is served without a look into what compression needs', async () => {
  await using plain = await makeNode('plain', { configuration: (path) => toml(path, 'none') });
  const name = plain.segment(segmentNamed(50));
  // The settings are kept by the second call.
  const second = plain.segment(segmentNamed(49));
  await plain.archive(`pg_wal/${second}`, second);
  const trace = plain.path('trace');
  const traced = `strace -f -qqq -e trace=openat -o ${trace} `;
  const outcome = await plain.sh(traced + commandLine('archiveWALFile', `pg_wal/${name}`, name));
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  plain.mode('standby');
  expect(
    await plain.sh(traced.replace(' -o', ' -A -o') + commandLine('restoreWALFile', name, target)),
  ).toMatchObject({ code: 0, stderr: '' });
  const opened = readFileSync(trace, 'utf8');
  expect(opened).toContain(name);
  expect(opened).not.toMatch(/\/cold\/|contents/);
  expect(existsSync(plain.path('db2/.twowarm/contents'))).toBe(false);
});
