// twowarm prune: what it removes from real archives, what it never touches, and what it says.
import { chmodSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { commandLine, refused, silent, type NodeFixture, type Outcome } from '../harness/node-fixture.ts';
import { inTurn } from '../harness/share.ts';
import { historyText, megabyte, segmentNamed } from '../harness/wal-files.ts';
import { fill, makePruner, named, namesIn, ofRegistry } from './archive-of-names.ts';

async function prune(node: NodeFixture, ...words: string[]): Promise<Outcome> {
  const { changed, ...said } = await node.sh(commandLine('twowarm', 'prune', ...words));
  return { ...said, changed: changed.filter((change) => !ofRegistry.test(change)) };
}
const error = (...lines: string[]): string => `twowarm prune: ERROR:  ${lines.join('\n')}\n`;
const cursorOf = (node: NodeFixture): string =>
  `twowarm/state/pruned/${encodeURIComponent(node.path('db2'))}`;

/** Segments 4000 to 4200 of timeline 1, with what is never removed beside them. */
async function withHundreds(): Promise<NodeFixture> {
  const node = await makePruner(false);
  rmSync(node.path(`db2/${segmentNamed(1)}`));
  fill(node, 4000, 4201);
  for (const name of [
    `${segmentNamed(4010)}.00000028.backup`,
    `${segmentNamed(4020)}.partial`,
    `${segmentNamed(4021)}.zst`,
    '00000002.history',
    'README',
  ])
    node.sandbox.file(`db2/${name}`, '');
  return node;
}

const kept = ['00000002.history', 'README'];
const others = [`${segmentNamed(4010)}.00000028.backup`, `${segmentNamed(4020)}.partial`];
/** A segment is one segment in whatever form it lies there; here it is there in both. */
const compressed = `${segmentNamed(4021)}.zst`;

describe('twowarm prune', () => {
  const its = inTurn(2);
  it('removes hundreds of segments, over the end of a log, and nothing else', async () => {
    await using node = await withHundreds();
    const { changed, ...said } = await prune(node, segmentNamed(4197));
    expect(said).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(changed.sort()).toEqual(
      [
        ...[...named(4000, 4197), compressed].map((name) => `removed db2/${name}`),
        'created twowarm/state/pruned',
        `created ${cursorOf(node)}`,
      ].sort(),
    );
    expect(namesIn(node)).toEqual([...kept, ...others, ...named(4197, 4201)].sort());
    expect(JSON.parse(readFileSync(node.path(cursorOf(node)), 'utf8'))).toMatchObject({
      segmentSize: megabyte,
      before: { 1: '4197' },
    });
    expect(await prune(node, segmentNamed(4197))).toEqual(silent());
    expect(await prune(node, segmentNamed(4100))).toEqual(silent());
  });

  its.each(['.partial', '.00000028.backup'])('takes the name of a restart file with %s', async (suffix) => {
    await using node = await withHundreds();
    const { code, stdout, stderr } = await prune(node, `${segmentNamed(4199)}${suffix}`);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(namesIn(node)).toEqual([...kept, ...others, ...named(4199, 4201)].sort());
  });

  it('--dry-run names each of them, how many and how many bytes, and changes nothing', async () => {
    await using node = await withHundreds();
    const url = `file:${node.path('db2')}`;
    const lines = named(4000, 4003).map((name) => `${name} would be removed from ${url}\n`);
    const total = `3 segments, ${3 * megabyte} bytes, would be removed from ${url}\n`;
    expect(await prune(node, '--dry-run', segmentNamed(4003))).toEqual({
      ...silent(),
      stdout: lines.join('') + total,
    });
    const json = await prune(node, '--dry-run', '--json', segmentNamed(4003));
    expect(json.changed).toEqual([]);
    expect(JSON.parse(json.stdout)).toEqual({
      restart: segmentNamed(4003),
      dryRun: true,
      sources: [
        {
          url,
          segments: 3,
          first: segmentNamed(4000),
          last: segmentNamed(4002),
          bytes: 3 * megabyte,
          keptFor: [],
          names: named(4000, 4003),
        },
      ],
    });
  });

  it('--json says what was removed', async () => {
    await using node = await withHundreds();
    const first = await prune(node, '--json', segmentNamed(4002));
    const source = { url: `file:${node.path('db2')}`, segments: 2, bytes: 2 * megabyte };
    const ends = { first: segmentNamed(4000), last: segmentNamed(4001) };
    expect(JSON.parse(first.stdout)).toEqual({
      restart: segmentNamed(4002),
      dryRun: false,
      sources: [{ ...source, ...ends, keptFor: [] }],
    });
    const nothing = { segments: 0, bytes: 0, first: null, last: null };
    const again = await prune(node, '--json', segmentNamed(4002));
    expect(JSON.parse(again.stdout)).toMatchObject({ sources: [nothing] });
  });

  it('follows the line of the restart file through a fork, and leaves what lies past it', async () => {
    await using node = await makePruner(false);
    fill(node, 2, 9);
    fill(node, 5, 12, 2);
    fill(node, 3, 6, 3);
    node.sandbox.file('data/pg_wal/00000002.history', historyText('0/500028'));
    await prune(node, segmentNamed(10, 2));
    expect(namesIn(node)).toEqual([...named(5, 9), ...named(10, 12, 2), ...named(3, 6, 3)]);
  });

  it('without the history of a timeline leaves its ancestors, and gets to them once it is known', async () => {
    await using node = await makePruner(false);
    fill(node, 2, 6);
    fill(node, 5, 12, 2);
    await prune(node, segmentNamed(10, 2));
    expect(namesIn(node)).toEqual([...named(1, 6), ...named(10, 12, 2)]);
    node.sandbox.file('data/pg_wal/00000002.history', historyText('0/500028'));
    await prune(node, segmentNamed(11, 2));
    expect(namesIn(node)).toEqual([...named(5, 6), ...named(11, 12, 2)]);
  });

  it('stops at a history that is damaged', async () => {
    await using node = await makePruner(false);
    fill(node, 5, 12, 2);
    const path = node.sandbox.file('data/pg_wal/00000002.history', '');
    const message = error(`cannot use the history file ${path}: it is empty`);
    expect(await prune(node, segmentNamed(10, 2))).toEqual(refused(12, message));
  });

  it('does nothing where PostgreSQL knows no restart point yet', async () => {
    await using node = await withHundreds();
    expect(await prune(node, '0'.repeat(24))).toEqual(silent());
  });

  its.each(['%r', '00000001.history', '000000010000000100001000', '../db2'])('refuses %s', async (word) => {
    await using node = await withHundreds();
    const message = error(
      `"${word}" is not the name of a segment of this cluster`,
      'DETAIL:  Its segments have 1048576 bytes. Nothing is removed.',
      'HINT:  The restart file is what PostgreSQL puts in for %r.',
    );
    expect(await prune(node, word)).toEqual(refused(10, message));
  });

  it('--help has the line for postgresql.conf and says who is heeded', async () => {
    await using node = await makePruner(false);
    const { stdout } = await prune(node, '--help');
    expect(stdout).toMatch(/^ {2}archive_cleanup_command = '\S+\/bin\/twowarm prune %r'$/m);
    expect(stdout).toContain('What another registered reader of an archive needs stays');
  });
});

describe('the cursor', () => {
  const its = inTurn(2);
  its.each(['', '{', 'null', '{"archive":"x","segmentSize":1048576,"before":{"1":"9999"}}'])(
    'that says %j is rebuilt by a listing',
    async (text) => {
      await using node = await withHundreds();
      await prune(node, segmentNamed(4002));
      node.sandbox.file(cursorOf(node), text);
      const { code, stdout, stderr } = await prune(node, segmentNamed(4100));
      expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(namesIn(node)).toEqual([...kept, ...others, ...named(4100, 4201)].sort());
    },
  );

  it('that says too much leaves files, which --rescan finds; never does it remove more', async () => {
    await using node = await withHundreds();
    await prune(node, segmentNamed(4002));
    const stored = JSON.parse(readFileSync(node.path(cursorOf(node)), 'utf8')) as object;
    node.sandbox.file(cursorOf(node), JSON.stringify({ ...stored, before: { 1: '999999' } }));
    expect(await prune(node, segmentNamed(4100))).toEqual(silent());
    await prune(node, '--rescan', segmentNamed(4100));
    expect(namesIn(node)).toEqual([...kept, ...others, ...named(4100, 4201)].sort());
  });

  it('passes a hole of many absent names', async () => {
    await using node = await makePruner(false);
    fill(node, 2, 4);
    fill(node, 9000, 9004);
    await prune(node, segmentNamed(2));
    await prune(node, segmentNamed(9002));
    expect(namesIn(node)).toEqual(named(9002, 9004));
  });
});

describe('an archive', () => {
  it('that nobody has said to be this cluster’s is not pruned', async () => {
    await using node = await makePruner(false);
    fill(node, 2, 6);
    rmSync(node.path('db2/.twowarm'), { recursive: true });
    rmSync(node.path('twowarm/state/archives'), { recursive: true });
    const message = error(
      `the archive directory ${node.path('db2')} has no .twowarm/owner`,
      'DETAIL:  Whose files these are cannot be known; nothing is removed there.',
    );
    expect(await prune(node, segmentNamed(5))).toEqual(refused(25, message));
    expect(namesIn(node)).toEqual(named(1, 6));
  });

  it('that has lost its .twowarm is another disk, and is not pruned', async () => {
    await using node = await makePruner(false);
    fill(node, 2, 6);
    rmSync(node.path('db2/.twowarm'), { recursive: true });
    const note = node.path(`twowarm/state/archives/${encodeURIComponent(node.path('db2'))}`);
    const message = error(
      `the archive ${node.path('db2')} has lost its .twowarm`,
      'DETAIL:  This node has seen it there before: an unmounted disk leaves an empty directory like this one.',
      `HINT:  Mount it. If it was emptied on purpose, remove ${note}.`,
    );
    expect(await prune(node, segmentNamed(5))).toEqual(refused(20, message));
    expect(namesIn(node)).toEqual(named(1, 6));
  });

  it('that cannot be read is an error, also for a dry run', async () => {
    await using node = await makePruner(false);
    chmodSync(node.path('db2'), 0);
    const outcomes = [await prune(node, segmentNamed(5)), await prune(node, '--dry-run', segmentNamed(5))];
    chmodSync(node.path('db2'), 0o700);
    const message = error(`could not read ${node.path('db2/.twowarm/format')}: Permission denied`);
    expect(outcomes).toEqual([refused(21, message), refused(21, message)]);
  });

  it('of another cluster is not pruned', async () => {
    await using node = await makePruner(false);
    fill(node, 2, 6);
    node.sandbox.file('db2/.twowarm/owner', '{"archive":"00","system_identifier":"1"}\n');
    expect(await prune(node, segmentNamed(5))).toMatchObject({ code: 13, changed: [] });
  });

  it('that cannot be written fails, and the other one is pruned', async () => {
    await using node = await makePruner(false);
    node.configure(
      `[destination.db2]\nurl = 'file:${node.path('db2')}'\n[destination.own]\nurl = 'file:${node.path('twowarm/archive')}'\n[restore]\nsources = ['file:${node.path('db2')}', 'file:${node.path('twowarm/archive')}']\n`,
    );
    const first = node.segment(segmentNamed(1));
    await node.archive(`pg_wal/${first}`, first);
    fill(node, 2, 6);
    fill(node, 2, 6, 1, 'twowarm/archive');
    chmodSync(node.path('db2'), 0o500);
    const message = error(
      `could not remove ${segmentNamed(1)} at file:${node.path('db2')}: Permission denied`,
    );
    const { code, stderr } = await prune(node, segmentNamed(5));
    chmodSync(node.path('db2'), 0o700);
    expect({ code, stderr }).toEqual({ code: 21, stderr: message });
    expect(namesIn(node)).toEqual(named(1, 6));
    expect(namesIn(node, 'twowarm/archive')).toEqual(named(5, 6));
  });
});
