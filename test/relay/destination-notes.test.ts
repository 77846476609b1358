// twowarm destination list on a node that relays: who has answered whom, since when one fails, and what is still to be
// carried, as monitoring reads it.
import { readdirSync, rmSync, utimesSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { bestEffort, owe, statusOf, takeAway } from '../archive/policies/policy-node.ts';
import { commandLine, silent, type NodeFixture, type Outcome } from '../harness/node-fixture.ts';
import { waitFor } from '../harness/wait-for.ts';
import { historyText, segmentNamed } from '../harness/wal-files.ts';
import { arrive, makeRelayNode, passed, rsyncDR, silence, startedRelay } from './fixture.ts';
import { primaryNode } from './primary.ts';

const [first, second, third] = [segmentNamed(1), segmentNamed(2), segmentNamed(3)];
const list = (node: NodeFixture): Promise<Outcome> => node.sh(commandLine('twowarm', 'destination', 'list'));
const isAway = (node: NodeFixture, name = 'dr'): string =>
  `the archive directory ${node.path(name)} does not exist`;

describe('twowarm destination list where rsyncDR ships', () => {
  it('shows what was carried last, and that nothing is left', async () => {
    await using node = await makeRelayNode('notes');
    // One after the other: of several under way at once any may be the last.
    for (const name of [first, second]) {
      arrive(node, name);
      expect(await passed(node)).toEqual(silence);
    }
    const status = await statusOf(node, 'dr');
    expect(status).toMatchObject({
      state: 'ok',
      lag: { segments: 0, files: 0, first: null, last: null, since: null },
      lastSuccess: { file: second },
      lastFailure: null,
    });
    expect(await list(node)).toEqual({
      ...silent(),
      stdout:
        'OK: 1 destination, and nothing is owed\n' +
        `dr (file:${node.path('dr')}): required; ok; nothing is owed\n` +
        '  nothing is still to be carried\n' +
        `  last success ${status.lastSuccess!.at}: ${second}\n`,
    });
  });

  it('says since when one fails, why, and what waits for it; that ends when it is back', async () => {
    await using node = await makeRelayNode('notes');
    arrive(node, first);
    await rsyncDR(node);
    const bringBack = takeAway(node, 'dr');
    for (const name of [second, third]) arrive(node, name);
    arrive(node, '00000002.history', historyText('0/300000'));
    expect(await passed(node)).toMatchObject({ code: 20 });
    const failing = await statusOf(node, 'dr');
    expect(failing).toMatchObject({
      state: 'failing',
      lag: { segments: 2, files: 3, first: second, last: '00000002.history' },
      lastSuccess: { file: first },
      lastFailure: { file: '00000002.history', reason: isAway(node) },
    });
    const { since, lag } = failing;
    const arrived = (lag as { since: string }).since;
    expect(await list(node)).toEqual({
      ...silent(),
      code: 2,
      stdout:
        `CRITICAL: dr fails since ${since}: ${isAway(node)}\n` +
        `dr (file:${node.path('dr')}): required; failing since ${since}; nothing is owed\n` +
        `  still to be carried: 2 segments and 1 other file, ${second} to 00000002.history, the first one here since ${arrived}\n` +
        `  last failure ${failing.lastFailure!.at}: ${isAway(node)}\n` +
        `  last success ${failing.lastSuccess!.at}: ${first}\n`,
    });
    expect(await passed(node)).toMatchObject({ code: 20 });
    expect((await statusOf(node, 'dr')).since).toBe(since);
    bringBack();
    expect(await passed(node)).toEqual(silence);
    expect(await list(node)).toMatchObject({ code: 0 });
    expect(await statusOf(node, 'dr')).toMatchObject({
      state: 'ok',
      lag: { segments: 0, files: 0 },
      lastFailure: { reason: isAway(node) },
    });
  });

  it('is WARNING where a file has waited for more than an hour and nobody says why', async () => {
    await using node = await makeRelayNode('notes');
    arrive(node, first);
    const at = new Date(Date.now() - 2 * 3_600_000 - 30_000);
    utimesSync(node.path(`twowarm/archive/${first}`), at, at);
    arrive(node, second);
    const { code, stdout } = await list(node);
    expect({ code, line: stdout.split('\n')[0] }).toEqual({
      code: 1,
      line: `WARNING: ${first} has waited for 2h to be carried to dr`,
    });
    expect(stdout).toContain(
      `  still to be carried: 2 segments, ${first} to ${second}, the first one here since ${at.toISOString()}\n`,
    );
  });

  it('expects nothing to be carried to the own archive', async () => {
    await using node = await makeRelayNode('notes');
    node.configure(
      `[destination.here]\nurl = 'file:${node.path('twowarm/archive')}'\n[destination.dr]\nurl = 'file:${node.path('dr')}'\n`,
    );
    arrive(node, first);
    expect((await statusOf(node, 'here')).lag).toBeNull();
    expect((await statusOf(node, 'dr')).lag).toMatchObject({ segments: 1, first, last: first });
  });

  it('is UNKNOWN where the own archive cannot be read', async () => {
    await using node = await makeRelayNode('notes');
    rmSync(node.path('twowarm/archive'), { recursive: true });
    const { code, stdout } = await list(node);
    const words = `the archive directory ${node.path('twowarm/archive')} does not exist`;
    expect(code).toBe(3);
    expect(stdout.split('\n')[0]).toBe(`UNKNOWN: ${words}`);
    expect(stdout).toContain(`  what is still to be carried is not known: ${words}\n`);
  });

  it('hears nothing of a dry run', async () => {
    await using node = await makeRelayNode('notes');
    arrive(node, first);
    takeAway(node, 'dr');
    expect((await rsyncDR(node, '--dry-run')).changed).toEqual([]);
    expect(await statusOf(node, 'dr')).toMatchObject({ state: 'ok', lastFailure: null });
  });

  it('hears of debts, too, where a primary has them paid', async () => {
    await using node = await primaryNode('notes-debts', { db2: [], dr: bestEffort });
    node.segment(first, {}, 'db2');
    owe(node, 'dr', [first]);
    const bringBack = takeAway(node, 'dr');
    expect(await passed(node)).toMatchObject({ code: 20 });
    const { since } = await statusOf(node, 'dr');
    const { code, stdout } = await list(node);
    expect({ code, line: stdout.split('\n')[0] }).toEqual({
      code: 1,
      line: `WARNING: dr fails since ${since}: ${isAway(node)}`,
    });
    bringBack();
    expect(await passed(node)).toEqual(silence);
    expect(await statusOf(node, 'dr')).toMatchObject({
      state: 'ok',
      lag: null,
      lastSuccess: { file: first },
    });
  });
});

describe('twowarm destination list while twowarm relay stays', () => {
  it('follows a destination that goes and comes back, also where nothing waits for it', async () => {
    await using node = await makeRelayNode('notes-relay');
    const relay = await startedRelay(node);
    const bringBack = takeAway(node, 'dr');
    arrive(node, first);
    await waitFor('the fault', async () => (await statusOf(node, 'dr')).state === 'failing');
    bringBack();
    await waitFor('the end of it', async () => (await statusOf(node, 'dr')).state === 'ok', {
      limitMs: 60_000,
    });
    await waitFor(
      'the entry',
      async () => ((await statusOf(node, 'dr')).lag as { files: number }).files === 0,
    );
    expect(readdirSync(node.path('dr'))).toContain(first);
    await relay.stop();
  });
});
