// What a destination is owed comes back in order, from wherever a copy is, a few files with each call, and never at the
// cost of the call.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { commandLine, type NodeFixture } from '../../harness/node-fixture.ts';
import { giveToServerUser } from '../../harness/server-user.ts';
import { turnOf } from '../../harness/share.ts';
import { backupText, historyText, segmentBytes, segmentNamed } from '../../harness/wal-files.ts';
import {
  archive,
  bestEffort,
  fallbackFor,
  isWhole,
  owe,
  policyNode,
  recycle,
  statusOf,
  takeAway,
} from './policy-node.ts';
import { runCall } from './run-call.ts';

const [one, two, three] = [0x21, 0x22, 0x23].map((at) => segmentNamed(at)) as [string, string, string];

const debtsOf = (node: NodeFixture): number => readdirSync(node.path('twowarm/state/ledger/dr/owed')).length;

describe.concurrent('what a destination is owed', () => {
  it('comes from pg_wal where the very file is still there', async () => {
    await using node = await policyNode('debts', { db2: [], dr: bestEffort });
    const bringBack = takeAway(node, 'dr');
    await archive(node, one);
    // No other copy is left.
    rmSync(node.path(`db2/${one}`));
    bringBack();
    expect(await archive(node, two)).toMatchObject({ code: 0 });
    expect(isWhole(node, `dr/${one}`)).toBe(true);
  });

  it('does not come from a segment that PostgreSQL has recycled: its content is another one', async () => {
    await using node = await policyNode('debts', { db2: [], dr: bestEffort });
    const bringBack = takeAway(node, 'dr');
    await archive(node, one);
    writeFileSync(node.path(`data/pg_wal/${one}`), segmentBytes(three));
    bringBack();
    expect(await archive(node, two)).toMatchObject({ code: 0 });
    // From db2 instead.
    expect(isWhole(node, `dr/${one}`)).toBe(true);
  });

  it('comes from what is held for it, though nobody else has it', async () => {
    await using node = await policyNode('debts', { db2: [], dr: fallbackFor('db2') });
    const bringBack = takeAway(node, 'db2');
    await archive(node, one);
    recycle(node, one);
    rmSync(node.path(`dr/${one}`));
    bringBack();
    expect(await archive(node, two)).toMatchObject({ code: 0 });
    expect(isWhole(node, `db2/${one}`)).toBe(true);
  });

  it('comes from the fallback that stood in without a held copy', async () => {
    await using node = await policyNode('debts', { db2: [], dr: fallbackFor('db2', 'hold = false') });
    const bringBack = takeAway(node, 'db2');
    await archive(node, one);
    recycle(node, one);
    bringBack();
    expect(await archive(node, two)).toMatchObject({ code: 0 });
    expect(isWhole(node, `db2/${one}`)).toBe(true);
    expect(readdirSync(node.path('twowarm/spool')).filter((name) => name !== 'held')).toEqual([]);
  });

  it('comes from the own archive', async () => {
    await using node = await policyNode('debts', { db2: [], dr: bestEffort });
    node.segment(one, {}, 'twowarm/archive');
    node.sandbox.file('twowarm/archive/.twowarm/format', 'twowarm archive 1\n');
    owe(node, 'dr', [one]);
    expect(await archive(node, two)).toMatchObject({ code: 0 });
    expect(isWhole(node, `dr/${one}`)).toBe(true);
  });

  it('and nobody has stays owed, is said once, and holds up nothing', async () => {
    await using node = await policyNode('debts', { db2: [], dr: bestEffort });
    owe(node, 'dr', [one, two]);
    node.segment(two, {}, 'db2');
    expect(await archive(node, three)).toMatchObject({
      code: 0,
      stderr:
        `archiveWALFile: WARNING:  nobody has ${one} any more\n` +
        'DETAIL:  It stays owed to dr.\n' +
        'HINT:  Once there is a copy: twowarm destination resume dr\n',
    });
    expect(isWhole(node, `dr/${two}`)).toBe(true);
    expect(await archive(node, segmentNamed(0x24))).toMatchObject({ code: 0, stderr: '' });
    expect((await statusOf(node, 'dr')).debt).toEqual({ count: 1, first: one, last: one, aside: 1 });
  });

  it('waits where somebody cannot be asked: unknown is not nowhere', async () => {
    await using node = await policyNode('debts', { db2: [], db3: bestEffort, dr: bestEffort });
    takeAway(node, 'db3');
    owe(node, 'dr', [one]);
    const { stderr } = await archive(node, two);
    expect(stderr).not.toContain('nobody has');
    expect((await statusOf(node, 'dr')).debt).toEqual({ count: 1, first: one, last: one, aside: 0 });
  });

  it('has its history before the next segment of that timeline', async () => {
    await using node = await policyNode('debts', { db2: [], dr: bestEffort });
    const bringBack = takeAway(node, 'dr');
    node.sandbox.file('data/pg_wal/00000002.history', historyText());
    expect(await node.archive('pg_wal/00000002.history', '00000002.history')).toMatchObject({ code: 0 });
    bringBack();
    // So that the segment itself cannot be stored: the history is there all the same.
    const segment = segmentNamed(5, 2);
    node.segment(segment, { content: 0x22 }, 'dr');
    await archive(node, segment);
    expect(readFileSync(node.path('dr/00000002.history'), 'utf8')).toBe(historyText());
  });

  // Of the long outages that tests play a run has one of a thousand files.
  const [segmentCount] = turnOf([40, 8, 8], 3, 2) as [number];
  const count = 25 * segmentCount;

  it(`of ${count} files comes back in order, a few with each call`, async () => {
    await using node = await policyNode('debts', { db2: [], dr: bestEffort });
    const segments = Array.from({ length: segmentCount }, (_, at) => segmentNamed(0x1000 - 4 + at));
    const backups = Array.from(
      { length: 24 },
      (_, at) => `${at.toString(16).padStart(8, '0').toUpperCase()}.backup`,
    );
    const names = segments.flatMap((name) => [name, ...backups.map((end) => `${name}.${end}`)]);
    expect(names).toHaveLength(count);
    for (const name of segments) node.segment(name, {}, 'db2');
    for (const name of names.filter((each) => each.endsWith('.backup')))
      node.sandbox.file(`db2/${name}`, backupText(name.slice(0, 24)));
    owe(node, 'dr', names);
    expect((await statusOf(node, 'dr')).debt).toEqual({
      count,
      first: names[0],
      last: names.at(-1),
      aside: 0,
    });
    let calls = 0;
    for (let at = 0x2000; debtsOf(node) > 0; at++) {
      const there = new Set(readdirSync(node.path('dr')));
      const arrived = names.filter((name) => there.has(name));
      expect(arrived).toEqual(names.slice(0, arrived.length));
      expect(await runCall(node, segmentNamed(at))).toMatchObject({ code: 0 });
      recycle(node, segmentNamed(at));
      expect(++calls).toBeLessThan(400);
    }
    expect(calls).toBeGreaterThanOrEqual(Math.ceil(count / 32));
    for (const name of segments) expect(isWhole(node, `dr/${name}`)).toBe(true);
    const has = readFileSync(node.path('twowarm/state/ledger/dr/has'), 'utf8').split('\n');
    expect(has.filter((line) => line !== '' && !line.endsWith('.backup'))).toEqual([
      'twowarm ledger 1, segments of 1048576 bytes',
      `${segments[0]}-${segments.at(-1)}`,
    ]);
  }, 200_000);

  it('is recorded and paid by many calls at once without a loss', async () => {
    await using node = await policyNode('debts', { db2: [], dr: fallbackFor('db2') });
    const bringBack = takeAway(node, 'db2');
    const names = Array.from({ length: 8 }, (_, at) => segmentNamed(0x50 + at));
    const failures = async (of: readonly string[]) => {
      const outcomes = await Promise.all(of.map((name) => runCall(node, name)));
      return outcomes.filter(({ code }) => code !== 0);
    };
    expect(await failures(names)).toEqual([]);
    expect((await statusOf(node, 'db2')).debt).toEqual({
      count: 8,
      first: names[0],
      last: names[7],
      aside: 0,
    });
    for (const name of names) recycle(node, name);
    bringBack();
    const more = Array.from({ length: 8 }, (_, at) => segmentNamed(0x60 + at));
    expect(await failures(more)).toEqual([]);
    expect(await archive(node, segmentNamed(0x70))).toMatchObject({ code: 0 });
    expect((await statusOf(node, 'db2')).debt.count).toBe(0);
    for (const name of [...names, ...more]) expect(isWhole(node, `db2/${name}`)).toBe(true);
    expect(readdirSync(node.path('twowarm/spool/held/db2'))).toEqual([]);
  });

  it('of which only a held copy is left is on record again, and paid: nothing else tells that it was', async () => {
    await using node = await policyNode('debts', { db2: [], dr: fallbackFor('db2') });
    node.segment(one, {}, 'twowarm/spool/held/db2');
    giveToServerUser(node.path('twowarm/spool/held/db2'));
    giveToServerUser(node.path('twowarm/spool/held'));
    giveToServerUser(node.path('twowarm/spool'));
    expect(await archive(node, two)).toEqual(
      expect.objectContaining({
        code: 0,
        stderr: 'archiveWALFile: LOG:  db2 has everything that it was owed\n',
      }),
    );
    expect(isWhole(node, `db2/${one}`)).toBe(true);
    expect(readdirSync(node.path('twowarm/spool/held/db2'))).toEqual([]);
    expect((await statusOf(node, 'db2')).debt.count).toBe(0);
  });
});

describe('a destination that is not configured any more', () => {
  it('is still listed with what it is owed', async () => {
    await using node = await policyNode('debts-gone', { db2: [] });
    owe(node, 'old', [one]);
    const { code, stdout } = await node.sh(commandLine('twowarm', 'destination', 'list'));
    expect(code).toBe(1);
    expect(stdout).toBe(
      `WARNING: old is not configured any more, and is owed ${one}\ndb2 (file:${node.path('db2')}): required; ok; nothing is owed\nold: not configured; ok; owed: ${one}\n`,
    );
  });
});
