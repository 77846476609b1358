// What a ledger knows of a destination is void once that has changed hands, for a claim may put files aside, and once the
// destination is another place. What is owed stays owed.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { owedTo } from '../archive/policies/policy-node.ts';
import { openDestination } from '../../src/transport/open.ts';
import type { NodeFixture } from '../harness/node-fixture.ts';
import { waitFor } from '../harness/wait-for.ts';
import { ourCluster, segmentNamed } from '../harness/wal-files.ts';
import { makeNode as makeIdentity, neverStopped } from '../transport/archives.ts';
import type { Identity } from '../../src/transport/transport.ts';
import {
  arrive,
  destinationsToml,
  makeRelayNode,
  namesIn,
  passed,
  rsyncDR,
  silence,
  startedRelay,
  untilThere,
} from './fixture.ts';

const [first, second, third] = [1, 2, 3].map((number) => segmentNamed(number)) as [string, string, string];
const own = 'twowarm/archive';

async function claim(node: NodeFixture, by: Identity, directories: readonly string[]): Promise<void> {
  for (const directory of directories) {
    const road = await openDestination(`file:${node.path(directory)}`, by);
    await road.claim({ timeline: 1, nodeName: 'db1', takeOver: true }, neverStopped);
  }
}

const identity = (node: NodeFixture): Identity => makeIdentity(node.sandbox, ourCluster.toString());
const known = (node: NodeFixture): string => node.path('twowarm/state/ledger/dr/has');

/** As a claim does that moves a segment into quarantine there. */
const putAside = (node: NodeFixture, name: string): void => {
  node.sandbox.directory('aside');
  renameSync(node.path(`dr/${name}`), node.path(`aside/${name}`));
};

describe('a ledger', () => {
  it('is void after a claim of both archives: rsyncDR carries again what was put aside, without a new file', async () => {
    await using node = await makeRelayNode('void-pass');
    await claim(node, identity(node), [own, 'dr']);
    for (const name of [first, second, third]) arrive(node, name);
    expect(await passed(node)).toEqual(silence);
    expect(readFileSync(known(node), 'utf8')).toMatch(
      /^twowarm ledger 1, segments of 1048576 bytes, epoch 1 of archive [0-9a-f]+\n/,
    );
    putAside(node, second);
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([first, third]);
    await claim(node, identity(node), [own, 'dr']);
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([first, second, third]);
    expect(readFileSync(known(node), 'utf8')).toContain(', epoch 2 of archive ');
  });

  it('is void for a relay that stays, as soon as its own archive has changed hands', async () => {
    await using node = await makeRelayNode('void-relay');
    await claim(node, identity(node), [own, 'dr']);
    for (const name of [first, second]) arrive(node, name);
    const relay = await startedRelay(node);
    await untilThere(node, [first, second]);
    await waitFor('the ledger', () => existsSync(known(node)));
    putAside(node, first);
    const another = identity(node);
    await claim(node, another, [own]);
    await waitFor('the relay to follow', () => relay.said().includes('since epoch 2'));
    // The road may have been opened anew before the destination has changed hands, too.
    await claim(node, another, ['dr']);
    await untilThere(node, [first]);
    expect((await relay.stop()).stderr).not.toContain('is not at');
  });

  it('that does not say under which claim it was kept counts for nothing, once', async () => {
    await using node = await makeRelayNode('void-earlier');
    for (const name of [first, second]) arrive(node, name);
    await passed(node);
    const text = readFileSync(known(node), 'utf8');
    writeFileSync(known(node), text.replace(/, epoch .*/, ''));
    putAside(node, first);
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([first, second]);
    expect(readFileSync(known(node), 'utf8')).toBe(text);
    expect(await passed(node)).toEqual(silence);
  });

  it('of a destination that is elsewhere now is void, which is said once, and all goes there', async () => {
    await using node = await makeRelayNode('moved', { destinations: ['dr', 'new'] });
    node.configure(destinationsToml(node, ['dr']));
    for (const name of [first, second]) arrive(node, name);
    expect(await passed(node)).toEqual(silence);
    const [before, now] = [`file:${node.path('dr')}`, `file:${node.path('new')}`];
    node.configure(`[destination.dr]\nurl = '${now}'\n`);
    const warning =
      `rsyncDR: WARNING:  dr was at ${before} until now; what ${before} has is not known of ${now}\n` +
      `DETAIL:  What dr is owed goes to ${now}; nothing else of what ${before} has is carried there by this.\n`;
    const dry = await rsyncDR(node, '--dry-run');
    expect(dry.stderr).toBe(warning);
    expect(dry.stdout).toContain(second);
    expect(namesIn(node, 'new')).toEqual([]);
    expect(await passed(node)).toEqual({ ...silence, stderr: warning });
    expect(namesIn(node, 'new')).toEqual([first, second]);
    expect(await passed(node)).toEqual(silence);
  });
});

describe('a debt', () => {
  it('stays one of a destination that is elsewhere now, and its warning comes once', async () => {
    await using node = await makeRelayNode('moved-debt', { destinations: ['dr', 'new'] });
    node.configure(
      destinationsToml(node, ['dr'], "policy = 'best-effort'\n") + destinationsToml(node, ['db2']),
    );
    node.sandbox.directory('db2');
    node.mode('none');
    renameSync(node.path('dr'), node.path('away'));
    node.segment(first);
    expect((await node.archive(`pg_wal/${first}`, first)).code).toBe(0);
    expect(owedTo(node, 'dr')).toEqual([first]);
    const now = `file:${node.path('new')}`;
    node.configure(
      `[destination.dr]\nurl = '${now}'\npolicy = 'best-effort'\n` + destinationsToml(node, ['db2']),
    );
    const moved = `dr was at file:${node.path('dr')} until now; what file:${node.path('dr')} has is not known of ${now}\n`;
    const said: string[] = [];
    for (const name of [second, third]) {
      node.segment(name);
      const { code, stderr } = await node.archive(`pg_wal/${name}`, name);
      expect(code).toBe(0);
      said.push(stderr);
    }
    expect(said.map((text) => text.split(moved).length - 1)).toEqual([1, 0]);
    expect(namesIn(node, 'new')).toEqual([first, second, third]);
    expect(owedTo(node, 'dr')).toEqual([]);
  });
});
