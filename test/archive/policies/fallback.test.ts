// A fallback stands in for a required destination that is out of order: asked only then, told once, never for what a
// person has to see.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { commandLine, refused, silent, type NodeFixture } from '../../harness/node-fixture.ts';
import { backupText, historyText, segmentNamed } from '../../harness/wal-files.ts';
import {
  archive,
  fallbackFor,
  isWhole,
  makeDead,
  missing,
  missingHint,
  policyNode,
  recycle,
  statusOf,
  takeAway,
} from './policy-node.ts';

const [one, two, three] = [0x21, 0x22, 0x23].map((at) => segmentNamed(at)) as [string, string, string];

const list = async (node: NodeFixture): Promise<string> =>
  (await node.sh(commandLine('twowarm', 'destination', 'list'))).stdout;

const held = (node: NodeFixture, destination = 'db2'): string[] =>
  existsSync(node.path(`twowarm/spool/held/${destination}`))
    ? readdirSync(node.path(`twowarm/spool/held/${destination}`))
    : [];

const standsIn = (
  node: NodeFixture,
  kept = ', and a copy is kept on this node until then',
  more = '',
): string =>
  `archiveWALFile: WARNING:  ${missing(node, 'db2', one)}; dr stands in for db2\n` +
  `DETAIL:  What db2 lacks is on record and is brought to it when it is back${kept}.${more}\n${missingHint}\n`;

describe.concurrent('a fallback', () => {
  it('is not asked while the required destination takes files', async () => {
    await using node = await policyNode('fallback', { db2: [], dr: fallbackFor('db2') });
    expect(await archive(node, one)).toEqual(silent([`created db2/${one}`]));
    expect(readdirSync(node.path('dr'))).toEqual([]);
  });

  it('stands in: it has the file, a real copy is held, the debt is on record; the second file is not told', async () => {
    await using node = await policyNode('fallback', { db2: [], dr: fallbackFor('db2') });
    takeAway(node, 'db2');
    const first = await archive(node, one);
    expect({ code: first.code, stderr: first.stderr }).toEqual({ code: 0, stderr: standsIn(node) });
    expect(first.changed).toEqual(
      expect.arrayContaining([
        `created dr/${one}`,
        `created twowarm/spool/held/db2/${one}`,
        `created twowarm/state/ledger/db2/owed/${one.slice(0, 16)}/${one}.owed`,
      ]),
    );
    const second = await archive(node, two);
    expect(second).toEqual(
      silent([
        `created dr/${two}`,
        `created twowarm/spool/held/db2/${two}`,
        `created twowarm/state/ledger/db2/owed/${two.slice(0, 16)}/${two}.owed`,
      ]),
    );
    for (const name of [one, two])
      for (const place of ['dr', 'twowarm/spool/held/db2'])
        expect(isWhole(node, `${place}/${name}`)).toBe(true);
    const status = await statusOf(node, 'dr');
    expect(status.standsInFor).toEqual([
      { name: 'db2', since: expect.stringMatching(/^\d{4}-.*Z$/) as string, until: null },
    ]);
    expect(await statusOf(node, 'db2')).toMatchObject({
      state: 'failing',
      debt: { count: 2, first: one, last: two, aside: 0 },
      lastFailure: { file: two, reason: missing(node, 'db2', two) },
    });
  });

  it('with hold = false is enough alone: no copy is held, the debt is', async () => {
    await using node = await policyNode('fallback', { db2: [], dr: fallbackFor('db2', 'hold = false') });
    takeAway(node, 'db2');
    expect(await archive(node, one)).toMatchObject({ code: 0, stderr: standsIn(node, '') });
    expect(held(node)).toEqual([]);
    expect((await statusOf(node, 'db2')).debt.first).toBe(one);
  });

  it('is relieved: the returned destination gets the new file and what it is owed, and held copies go', async () => {
    await using node = await policyNode('fallback', { db2: [], dr: fallbackFor('db2') });
    const bringBack = takeAway(node, 'db2');
    for (const name of [one, two]) {
      expect(await archive(node, name)).toMatchObject({ code: 0 });
      recycle(node, name);
    }
    const { since } = (await statusOf(node, 'dr')).standsInFor[0]!;
    bringBack();
    expect(await archive(node, three)).toMatchObject({
      code: 0,
      stdout: '',
      stderr:
        `archiveWALFile: LOG:  db2 takes files again: dr, which stood in since ${since}, is no longer asked\n` +
        'archiveWALFile: LOG:  db2 has everything that it was owed\n',
    });
    for (const name of [one, two, three]) expect(isWhole(node, `db2/${name}`)).toBe(true);
    expect(existsSync(node.path(`dr/${three}`))).toBe(false);
    expect(held(node)).toEqual([]);
    expect(await statusOf(node, 'db2')).toMatchObject({
      state: 'ok',
      since: null,
      debt: { count: 0, first: null, last: null, aside: 0 },
      lastFailure: { file: two },
      lastSuccess: { file: three },
    });
    expect(await archive(node, segmentNamed(0x24))).toEqual(silent([`created db2/${segmentNamed(0x24)}`]));
  });

  it('that fails, too, fails the call: both are told, nothing is owed', async () => {
    await using node = await policyNode('fallback', { db2: [], dr: fallbackFor('db2') });
    for (const each of ['db2', 'dr']) takeAway(node, each);
    expect(await archive(node, one)).toEqual(
      refused(
        20,
        ['dr', 'db2']
          .map((each) => `archiveWALFile: ERROR:  ${missing(node, each, one)}\n${missingHint}\n`)
          .join(''),
      ),
    );
    expect((await statusOf(node, 'db2')).debt.count).toBe(0);
  });

  it('is passed over for the next one', async () => {
    await using node = await policyNode('fallback', {
      db2: [],
      dr: fallbackFor('db2'),
      far: fallbackFor('db2'),
    });
    for (const each of ['db2', 'dr']) takeAway(node, each);
    expect(await archive(node, one)).toMatchObject({ code: 0 });
    expect(isWhole(node, `far/${one}`)).toBe(true);
    expect((await statusOf(node, 'far')).standsInFor).toHaveLength(1);
  });

  it('may stand in as long as its limit: then archive_command fails again and says so', async () => {
    await using node = await policyNode('fallback', {
      db2: [],
      dr: fallbackFor('db2', "limit = '3s'"),
    });
    takeAway(node, 'db2');
    expect(await archive(node, one)).toMatchObject({
      code: 0,
      stderr: standsIn(node, undefined, ' dr may stand in for 3s.'),
    });
    const [standing] = (await statusOf(node, 'dr')).standsInFor;
    expect(Date.parse(standing!.until!) - Date.parse(standing!.since)).toBe(3000);
    await expect
      .poll(async () => (await archive(node, two)).code, { timeout: 20_000, interval: 300 })
      .toBe(20);
    const { code, stderr, changed } = await archive(node, three);
    expect({ code, stderr }).toEqual({
      code: 20,
      stderr:
        `archiveWALFile: ERROR:  ${missing(node, 'db2', three)}\n` +
        `DETAIL:  Its fallback dr has stood in since ${standing!.since}, and may do so for 3s.\n` +
        `${missingHint} To go on without db2: raise destination.dr.limit, or twowarm destination suspend db2\n`,
    });
    expect((await list(node)).split('\n')).toContain(
      `dr: fallback for db2, for at most 3s; ok, stood in for db2 from ${standing!.since} to ${standing!.until}: its 3s are over, and archive_command fails as long as db2 does; nothing is owed`,
    );
    // The way out of the hint.
    expect(await node.sh(commandLine('twowarm', 'destination', 'suspend', 'db2'))).toMatchObject({ code: 0 });
    expect((await archive(node, three)).code).toBe(0);
    expect((await list(node)).split('\n')).toContain(
      `dr: fallback for db2, for at most 3s; ok, stands in for db2 since ${standing!.since}; nothing is owed`,
    );
    expect(changed).toEqual([]);
  });

  it.each([
    ['other content under the name', 14, 'archive-duplicate'],
    ['an archive of another cluster', 13, 'wrong-cluster'],
  ])('does not hide %s', async (_, code, kind) => {
    await using node = await policyNode('fallback', { db2: [], dr: fallbackFor('db2') });
    if (kind === 'archive-duplicate') node.segment(one, { content: 0x22 }, 'db2');
    else node.sandbox.file('db2/.twowarm/owner', '{"archive":"0011223344556677","system_identifier":"1"}\n');
    expect(await archive(node, one)).toMatchObject({ code });
    expect(existsSync(node.path(`dr/${one}`))).toBe(false);
    expect((await statusOf(node, 'db2')).debt.count).toBe(0);
  });

  it('holds a copy of what is no segment even with hold = false: elsewhere it may be another one', async () => {
    await using node = await policyNode('fallback', { db2: [], dr: fallbackFor('db2', 'hold = false') });
    const bringBack = takeAway(node, 'db2');
    const partial = `${segmentNamed(0x30)}.partial`;
    node.segment(partial);
    node.sandbox.file('data/pg_wal/00000002.history', historyText());
    node.sandbox.file(`data/pg_wal/${one}.00000028.backup`, backupText(one));
    for (const name of [partial, '00000002.history', `${one}.00000028.backup`])
      expect(await node.archive(`pg_wal/${name}`, name)).toMatchObject({ code: 0 });
    expect(held(node)).toEqual(['00000002.history', partial, `${one}.00000028.backup`].toSorted());
    // Another promotion's partial segment of the same name is held beside the first.
    node.segment(partial, { content: 0x33 });
    expect(await node.archive(`pg_wal/${partial}`, partial)).toMatchObject({ code: 0 });
    expect(held(node)).toHaveLength(4);
    rmSync(node.path(`data/pg_wal/${partial}`));
    bringBack();
    expect(await archive(node, two)).toMatchObject({ code: 0 });
    expect(readdirSync(node.path('db2/.twowarm/versions'))).toHaveLength(1);
    expect(readdirSync(node.path('db2'))).toEqual(
      expect.arrayContaining(['00000002.history', partial, `${one}.00000028.backup`, two]),
    );
    expect(held(node)).toEqual([]);
  });

  it('stands in for one of two required destinations; the other one has every file itself', async () => {
    await using node = await policyNode('fallback', { db2: [], db3: [], dr: fallbackFor('db2') });
    takeAway(node, 'db3');
    expect(await archive(node, one)).toMatchObject({ code: 20, changed: [`created db2/${one}`] });
    expect(existsSync(node.path(`dr/${one}`))).toBe(false);
  });

  it('says in a dry run what would be done, and changes nothing', async () => {
    await using node = await policyNode('fallback', { db2: [], dr: fallbackFor('db2') });
    takeAway(node, 'db2');
    node.segment(one);
    expect(await node.archive('--dry-run', `pg_wal/${one}`, one)).toEqual({
      ...silent(),
      stdout: `${one} would be stored at file:${node.path('dr')}\n`,
    });
    expect((await node.sh(commandLine('twowarm', 'destination', 'list'))).stdout).toContain(
      'db2: required; ok;',
    );
  });
});

describe('a required destination that hangs', () => {
  it('costs its time limit once: then its fallback has the files at once, and it is tried now and then', async () => {
    await using node = await policyNode('fallback-slow', {
      db2: ["time_limit = '4s'"],
      dr: fallbackFor('db2'),
    });
    const revive = await makeDead(node, 'db2');
    const started = performance.now();
    expect((await archive(node, one)).stderr).toContain('no answer within 4s; dr stands in for db2\n');
    expect(performance.now() - started).toBeGreaterThan(4000);
    for (const name of [two, three]) {
      const before = performance.now();
      expect(await archive(node, name)).toMatchObject({ code: 0, stderr: '' });
      expect(performance.now() - before).toBeLessThan(3000);
    }
    revive();
    // Tried again when ten seconds have passed.
    let at = 0x40;
    await expect
      .poll(async () => (await archive(node, segmentNamed(at++))).stderr, { timeout: 40_000, interval: 1000 })
      .toContain('db2 takes files again');
    expect((await statusOf(node, 'db2')).debt.count).toBe(0);
    for (const name of [one, two, three, segmentNamed(0x40)]) expect(isWhole(node, `db2/${name}`)).toBe(true);
  }, 90_000);

  it('is never skipped where nobody stands in: it is tried with all its time in each call', async () => {
    await using node = await policyNode('fallback-slow', {
      db2: ["time_limit = '1500ms'"],
      dr: fallbackFor('db2'),
    });
    const revive = await makeDead(node, 'db2');
    takeAway(node, 'dr');
    for (const name of [one, two]) {
      expect(await archive(node, name)).toMatchObject({ code: 27 });
    }
    revive();
    expect(await archive(node, three)).toMatchObject({ code: 0 });
    expect(isWhole(node, `db2/${three}`)).toBe(true);
  });
});
