// A best-effort destination never fails archive_command, nor delays it beyond its own time limit; what it misses it is
// owed.
import { chmodSync, existsSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { commandLine, silent } from '../../harness/node-fixture.ts';
import { segmentNamed } from '../../harness/wal-files.ts';
import {
  archive,
  bestEffort,
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

describe.concurrent('a best-effort destination', () => {
  it('has every file while it is there', async () => {
    await using node = await policyNode('best-effort', { db2: [], dr: bestEffort });
    expect(await archive(node, one)).toEqual(silent([`created db2/${one}`, `created dr/${one}`]));
  });

  it('that is not there is told once and owed everything, and gets it when it is back', async () => {
    await using node = await policyNode('best-effort', { db2: [], dr: bestEffort });
    const bringBack = takeAway(node, 'dr');
    const first = await archive(node, one);
    expect({ code: first.code, stderr: first.stderr }).toEqual({
      code: 0,
      stderr: `archiveWALFile: WARNING:  ${missing(node, 'dr', one)}; dr is owed it\n${missingHint}\n`,
    });
    expect(await archive(node, two)).toEqual(
      silent([`created db2/${two}`, `created twowarm/state/ledger/dr/owed/${two.slice(0, 16)}/${two}.owed`]),
    );
    for (const name of [one, two]) recycle(node, name);
    const { since, debt } = await statusOf(node, 'dr');
    expect(debt).toEqual({ count: 2, first: one, last: two, aside: 0 });
    bringBack();
    // From pg_wal they are gone: what it is owed comes from db2.
    expect(await archive(node, three)).toMatchObject({
      code: 0,
      stderr:
        `archiveWALFile: LOG:  dr takes files again, after it failed since ${since}\n` +
        'archiveWALFile: LOG:  dr has everything that it was owed\n',
    });
    for (const name of [one, two, three]) expect(isWhole(node, `dr/${name}`)).toBe(true);
  });

  it('does not make a call succeed that a required destination fails, and is owed nothing by that', async () => {
    await using node = await policyNode('best-effort', { db2: [], dr: bestEffort });
    for (const each of ['db2', 'dr']) takeAway(node, each);
    expect(await archive(node, one)).toMatchObject({
      code: 20,
      stderr: `archiveWALFile: ERROR:  ${missing(node, 'db2', one)}\n${missingHint}\n`,
    });
    expect((await statusOf(node, 'dr')).debt.count).toBe(0);
  });

  it('with other content under the name is told, and that debt is set aside until somebody resumes it', async () => {
    await using node = await policyNode('best-effort', { db2: [], dr: bestEffort });
    node.segment(one, { content: 0x22 }, 'dr');
    expect(await archive(node, one)).toMatchObject({
      code: 0,
      stderr:
        `archiveWALFile: WARNING:  ${one} exists at file:${node.path('dr')} with different content; dr is owed it\n` +
        "DETAIL:  The archive's copy has 1048576 bytes, this one 1048576; they differ from byte 40 on. Neither was touched.\n" +
        "HINT:  Two servers archive to one place, or a restored copy of the cluster does, or the archive's copy is damaged, or was archived by hand while PostgreSQL still wrote it. Find out which copy is right.\n",
    });
    expect(await archive(node, two)).toMatchObject({ code: 0, stderr: '' });
    expect(await statusOf(node, 'dr')).toMatchObject({
      state: 'ok',
      debt: { count: 1, first: one, aside: 1 },
    });
    rmSync(node.path(`dr/${one}`));
    expect((await node.sh(commandLine('twowarm', 'destination', 'resume', 'dr'))).stdout).toBe(
      `dr was not suspended; it is owed ${one}, which the next calls of archiveWALFile, or twowarm relay, bring\n`,
    );
    expect(await archive(node, three)).toMatchObject({ code: 0 });
    expect(isWhole(node, `dr/${one}`)).toBe(true);
  });

  it('whose debt cannot be recorded fails the call after all: a miss that nobody knows of would stay for ever', async () => {
    await using node = await policyNode('best-effort', { db2: [], dr: bestEffort });
    takeAway(node, 'dr');
    const ledger = node.sandbox.directory('twowarm/state/ledger');
    chmodSync(ledger, 0o500);
    expect(await archive(node, one)).toMatchObject({
      code: 21,
      stderr: `archiveWALFile: ERROR:  could not create the directory ${ledger}/dr: Permission denied\n`,
    });
    expect(isWhole(node, `db2/${one}`)).toBe(true);
    chmodSync(ledger, 0o700);
  });

  it('is told a gap later, too, and holds up nothing', async () => {
    await using node = await policyNode('best-effort', { db2: [], dr: bestEffort });
    const bringBack = takeAway(node, 'dr');
    await node.sh(commandLine('twowarm', 'archiving', 'discard'));
    expect(await archive(node, one)).toMatchObject({ code: 0 });
    expect(existsSync(node.path(`db2/.twowarm/gaps/${one}`))).toBe(true);
    await node.sh(commandLine('twowarm', 'archiving', 'on'));
    expect(await archive(node, two)).toMatchObject({ code: 0 });
    expect((await statusOf(node, 'dr')).debt).toEqual({ count: 2, first: `${one}.gap`, last: two, aside: 0 });
    bringBack();
    expect(await archive(node, three)).toMatchObject({ code: 0 });
    expect(existsSync(node.path(`dr/.twowarm/gaps/${one}`))).toBe(true);
    expect((await statusOf(node, 'dr')).debt.count).toBe(0);
  });
});

describe('a best-effort destination that hangs', () => {
  it('costs its time limit once, not with every file', async () => {
    await using node = await policyNode('best-effort-slow', {
      db2: [],
      dr: [...bestEffort, "time_limit = '4s'"],
    });
    await makeDead(node, 'dr');
    const started = performance.now();
    expect(await archive(node, one)).toMatchObject({
      code: 0,
      stderr: `archiveWALFile: WARNING:  could not store ${one} at file:${node.path('dr')}: no answer within 4s; dr is owed it\n`,
    });
    expect(performance.now() - started).toBeLessThan(9000);
    for (const name of [two, three]) {
      const before = performance.now();
      expect(await archive(node, name)).toMatchObject({ code: 0, stderr: '' });
      expect(performance.now() - before).toBeLessThan(3000);
    }
    expect((await statusOf(node, 'dr')).debt).toEqual({ count: 3, first: one, last: three, aside: 0 });
  });
});
