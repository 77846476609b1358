// twowarm prune where others read, too: what stays for them, what is said, what is put on record, and two at once.
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import type { PrunedRange } from '../../src/transport/pruned-ranges.ts';
import { readPruned } from '../../src/transport/pruned.ts';
import { commandLine, refused, silent, type NodeFixture, type Outcome } from '../harness/node-fixture.ts';
import { shell } from '../harness/run.ts';
import { inTurn } from '../harness/share.ts';
import { historyText, megabyte, segmentNamed } from '../harness/wal-files.ts';
import { expectNothingUnfinished } from '../faults/whole-files.ts';
import { fill, idOf, makePruner, named, namesIn, recordIn, register } from './archive-of-names.ts';

const day = 86_400_000;
const prune = (node: NodeFixture, ...words: string[]): Promise<Outcome> =>
  node.sh(commandLine('twowarm', 'prune', ...words));
const rangesOf = async (node: NodeFixture): Promise<Partial<PrunedRange>[]> =>
  (await readPruned(node.path('db2'), 'me')).map(({ first, last, name, restart }) => ({
    first,
    last,
    name,
    restart,
  }));

/** A standby named db1, whose archive has segments 1 to 29. */
async function withThirty(more = ''): Promise<NodeFixture> {
  const node = await makePruner(false);
  const text = readFileSync(node.path('twowarm/twowarm.toml'), 'utf8').replace(
    '[node]',
    "[node]\nname = 'db1'",
  );
  node.sandbox.file('twowarm/twowarm.toml', text + more);
  fill(node, 2, 30);
  return node;
}

describe('twowarm prune', () => {
  const its = inTurn(2);
  it('puts this node on record with its %r, and what it removes', async () => {
    await using node = await withThirty();
    expect(await prune(node, segmentNamed(20))).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(namesIn(node)).toEqual(named(20, 30));
    expect(recordIn(node)).toMatchObject({ kind: 'standby', name: 'db1', oldest: segmentNamed(20) });
    const ends = { first: segmentNamed(1), last: segmentNamed(19) };
    expect(await rangesOf(node)).toEqual([{ ...ends, name: 'db1', restart: segmentNamed(20) }]);
    await prune(node, segmentNamed(25));
    const both = { first: segmentNamed(1), last: segmentNamed(24) };
    expect(await rangesOf(node)).toEqual([{ ...both, name: 'db1', restart: segmentNamed(25) }]);
    expect(readdirSync(node.path('db2/.twowarm/pruned'))).toHaveLength(1);
  });

  its.each(['standby', 'relay', 'backup', 'restore'])('leaves what a %s needs', async (kind) => {
    await using node = await withThirty();
    register(node, 'slow', segmentNamed(11), { kind });
    expect(await prune(node, segmentNamed(20))).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(namesIn(node)).toEqual(named(11, 30));
    expect(await rangesOf(node)).toMatchObject([{ last: segmentNamed(10) }]);
    register(node, 'slow', segmentNamed(28), { kind });
    await prune(node, segmentNamed(20));
    expect(namesIn(node)).toEqual(named(20, 30));
  });

  it('heeds the one that needs most, on whatever timeline of the tree', async () => {
    await using node = await withThirty();
    node.sandbox.file('data/pg_wal/00000002.history', historyText('0/F00028'));
    node.sandbox.file('db2/00000002.history', historyText('0/F00028'));
    fill(node, 15, 40, 2);
    register(node, 'ahead', segmentNamed(33, 2));
    register(node, 'behind', segmentNamed(12));
    await prune(node, segmentNamed(30, 2));
    expect(namesIn(node)).toEqual(['00000002.history', ...named(12, 30), ...named(15, 40, 2)].sort());
    // Past the fork the old timeline goes its own way, and needs nothing of the new one.
    register(node, 'behind', segmentNamed(20));
    await prune(node, segmentNamed(30, 2));
    expect(namesIn(node)).toEqual(['00000002.history', ...named(15, 30), ...named(30, 40, 2)].sort());
  });

  it('removes nothing while one reader does not know yet what it needs', async () => {
    await using node = await withThirty();
    register(node, 'new', null);
    expect(await prune(node, segmentNamed(20))).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(namesIn(node)).toEqual(named(1, 30));
    expect(await rangesOf(node)).toEqual([]);
  });

  its.each([
    ['is damaged', '{'],
    ['is of a newer version', '{"version":2}'],
  ])('removes nothing where a record %s', async (_title, text) => {
    await using node = await withThirty();
    await prune(node, segmentNamed(2));
    const path = node.sandbox.file('db2/.twowarm/consumers/slow', text);
    const message =
      `twowarm prune: ERROR:  the record ${path} of a consumer is damaged or of a newer version\n` +
      'DETAIL:  What that consumer needs is not known; nothing is pruned there.\n' +
      'HINT:  A consumer that lives writes it again. One that is gone for good: twowarm consumers remove slow\n';
    expect(await prune(node, '--dry-run', segmentNamed(20))).toEqual(refused(28, message));
    expect(await prune(node, segmentNamed(20))).toMatchObject({ code: 28, stderr: message });
    expect(namesIn(node)).toEqual(named(2, 30));
  });

  it('removes nothing where a reader needs what is no segment of this cluster', async () => {
    await using node = await withThirty();
    register(node, 'odd', '0000000100000000FFFFFFFF');
    const message =
      'twowarm prune: ERROR:  the consumer odd needs 0000000100000000FFFFFFFF, which is no segment of this cluster\n' +
      'DETAIL:  Its segments have 1048576 bytes. Nothing is pruned.\n' +
      'HINT:  If it reads this archive by mistake: twowarm consumers remove odd\n';
    expect(await prune(node, segmentNamed(20))).toMatchObject({ code: 28, stderr: message });
    expect(namesIn(node)).toEqual(named(1, 30));
  });

  it('under recovery.signal removes nothing from where the recovery began', async () => {
    await using node = await withThirty();
    node.mode('recovery');
    await prune(node, segmentNamed(9));
    expect(namesIn(node)).toEqual(named(9, 30));
    await prune(node, segmentNamed(20));
    expect(namesIn(node)).toEqual(named(9, 30));
    expect(recordIn(node)).toMatchObject({ kind: 'restore', oldest: segmentNamed(9) });
  });

  it('by hand on a primary, or with the name of a backup, puts nobody on record, and heeds the others', async () => {
    await using node = await withThirty();
    register(node, 'slow', segmentNamed(11));
    await prune(node, `${segmentNamed(20)}.00000028.backup`);
    node.mode('none');
    await prune(node, segmentNamed(20));
    expect(readdirSync(node.path('db2/.twowarm/consumers'))).toEqual(['slow']);
    expect(namesIn(node)).toEqual(named(11, 30));
  });

  it('--dry-run says what would stay, and for whom, and puts nothing on record', async () => {
    await using node = await withThirty();
    register(node, 'slow', segmentNamed(3));
    const url = `file:${node.path('db2')}`;
    expect(await prune(node, '--dry-run', segmentNamed(20))).toEqual({
      ...silent(),
      stdout:
        `${segmentNamed(1)} would be removed from ${url}\n` +
        `${segmentNamed(2)} would be removed from ${url}\n` +
        `2 segments, ${2 * megabyte} bytes, would be removed from ${url}\n` +
        `17 segments, ${17 * megabyte} bytes, would stay at ${url} for node-slow (standby slow), which needs ${segmentNamed(3)} and later\n`,
    });
    const { stdout } = await prune(node, '--dry-run', '--json', segmentNamed(20));
    const slow = { consumer: 'slow', name: 'node-slow', kind: 'standby', oldest: segmentNamed(3) };
    expect(JSON.parse(stdout)).toMatchObject({
      sources: [{ segments: 2, keptFor: [{ ...slow, segments: 17 }] }],
    });
    const done = await prune(node, '--json', segmentNamed(20));
    expect(JSON.parse(done.stdout)).toMatchObject({ sources: [{ segments: 2, keptFor: [slow] }] });
  });

  it('warns once of a reader that holds it up and does not come back', async () => {
    await using node = await withThirty();
    register(node, 'gone', segmentNamed(3), { agoMs: 2 * day });
    const { seen } = recordIn(node, 'gone');
    const message =
      `twowarm prune: WARNING:  pruning is held up: node-gone (standby gone) has not come back to file:${node.path('db2')} since ${String(seen)}; it keeps ${segmentNamed(3)} and later\n` +
      'HINT:  twowarm consumers list shows who needs what; one that is gone for good: twowarm consumers remove NAME\n';
    expect(await prune(node, segmentNamed(20))).toMatchObject({ code: 0, stderr: message });
    expect(await prune(node, segmentNamed(21))).toMatchObject({ code: 0, stderr: '' });
    expect(namesIn(node)).toEqual(named(3, 30));
    register(node, 'gone', segmentNamed(4));
    expect(await prune(node, segmentNamed(21))).toMatchObject({ code: 0, stderr: '' });
    register(node, 'gone', segmentNamed(4), { agoMs: 3 * day });
    expect((await prune(node, segmentNamed(21))).stderr).toContain('pruning is held up: node-gone');
  });

  it('of several at once, at different restart points and with a reader that registers meanwhile, leaves what is needed', async () => {
    await using node = await withThirty();
    fill(node, 30, 400);
    register(node, 'slow', segmentNamed(300));
    await prune(node, segmentNamed(2));
    const runs = [150, 390, 260, 310].map((number) =>
      shell(commandLine('twowarm', 'prune', segmentNamed(number)), { cwd: node.dataDirectory }),
    );
    for (const { code, stderr } of await Promise.all(runs))
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const left = namesIn(node);
    expect(left).toEqual(expect.arrayContaining(named(300, 400)));
    // Whatever is absent is on record.
    const ranges = await readPruned(node.path('db2'), 'me');
    const absent = named(2, 400).filter((name) => !left.includes(name));
    expect(absent.length).toBeGreaterThan(100);
    expect(absent.filter((name) => !ranges.some(({ first, last }) => first <= name && name <= last))).toEqual(
      [],
    );
    expectNothingUnfinished(node.sandbox.path);
    rmSync(node.path('db2/.twowarm/consumers/slow'));
    await prune(node, '--rescan', segmentNamed(395));
    expect(namesIn(node)).toEqual(named(395, 400));
    expect(recordIn(node, idOf(node))).toMatchObject({ oldest: segmentNamed(395) });
  });
});
