// A relay is not the owner of an archive beyond its own: it carries on behalf of whoever holds that, by the same claim.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { openDestination } from '../../src/transport/open.ts';
import type { Identity } from '../../src/transport/transport.ts';
import type { NodeFixture } from '../harness/node-fixture.ts';
import { waitFor } from '../harness/wait-for.ts';
import { historyText, ourCluster, segmentNamed } from '../harness/wal-files.ts';
import { makeNode, neverStopped } from '../transport/archives.ts';
import {
  arrive,
  leftovers,
  makeRelayNode,
  namesIn,
  passed,
  silence,
  startedRelay,
  untilThere,
} from './fixture.ts';

const [first, second, third] = [segmentNamed(1), segmentNamed(2), segmentNamed(3)];

/** Has a node claim directories, each for the timeline; returns the epoch of the last one. */
async function claim(
  node: NodeFixture,
  by: Identity,
  nodeName: string,
  directories: readonly string[],
  timeline = 1,
): Promise<number> {
  let epoch = 0;
  for (const directory of directories) {
    const road = await openDestination(`file:${node.path(directory)}`, by);
    const claimed = await road.claim({ timeline, nodeName, takeOver: true }, neverStopped);
    epoch = claimed.claim.epoch;
  }
  return epoch;
}

const own = 'twowarm/archive';
const another = (node: NodeFixture): Identity => makeNode(node.sandbox, ourCluster.toString());
const idOf = (node: NodeFixture): string =>
  (JSON.parse(readFileSync(node.path('twowarm/state/node.json'), 'utf8')) as { id: string }).id;

const refusedBy = (node: NodeFixture, holder: string, whose: string): RegExp =>
  new RegExp(
    `cannot store ${first} at file:${node.path('dr')}: the archive belongs to another node\\n` +
      `DETAIL: {2}Node ${holder} \\([0-9a-f]{16}\\) holds it on timeline \\d, epoch \\d, since [^ ]+\\. Nothing was stored\\..*\\n` +
      `HINT: {2}${whose} If the node that holds the destination is the primary, let it claim both archives at once: twowarm claim\\. Those that are no destinations of it are named by their URLs\\.\\n$`,
  );

describe('a relay', () => {
  it('carries into an archive that is claimed by the owner of its own one, and leaves its own name behind', async () => {
    await using node = await makeRelayNode('behalf');
    const db1 = another(node);
    await claim(node, db1, 'db1', [own, 'dr']);
    arrive(node, first);
    expect(await passed(node)).toEqual(silence);
    expect(namesIn(node, 'dr')).toEqual([first]);
    expect(leftovers(node)).toEqual([]);
    // The note of what it has seen there is its own, and holds no epoch: it has claimed nothing.
    const notes = readdirSync(node.path('twowarm/state/archives'));
    for (const note of notes)
      expect(readFileSync(node.path(`twowarm/state/archives/${note}`), 'utf8')).toMatch(/^[0-9a-f]+\n$/);
    expect(idOf(node)).not.toBe(db1.nodeId);
  });

  it('brings an archive its history as the owner does: what lies past the fork leaves it', async () => {
    await using node = await makeRelayNode('behalf-history');
    const db2 = another(node);
    for (const name of [first, second, third]) {
      arrive(node, name);
      arrive(node, name, {}, 'dr');
    }
    arrive(node, '00000002.history', historyText('0/180000'));
    await claim(node, db2, 'db2', [own, 'dr'], 2);
    expect(await passed(node, '--verbose')).toMatchObject({ code: 0 });
    expect(namesIn(node, 'dr')).toContain('00000002.history');
    expect(readdirSync(node.path('dr/.twowarm/quarantine/00000002-1'))).toEqual([second, third, 'why.json']);
  });

  it('is refused where another node has claimed since, and told how that ends', async () => {
    await using node = await makeRelayNode('behalf-since', { destinations: ['dr', 'far'] });
    const [db1, db2] = [another(node), another(node)];
    await claim(node, db1, 'db1', [own, 'dr', 'far']);
    await claim(node, db2, 'db2', ['dr'], 2);
    arrive(node, first);
    const { code, stderr } = await passed(node);
    const whose = `This relay carries for db1 \\(${db1.nodeId}\\), which holds ${node.path(own)} since epoch 1\\.`;
    expect(stderr).toMatch(refusedBy(node, 'db2', whose));
    expect(code).toBe(40);
    expect(namesIn(node, 'dr')).toEqual([]);
    expect(namesIn(node, 'far')).toEqual([first]);
  });

  it('is refused as itself where nobody has claimed its own archive', async () => {
    await using node = await makeRelayNode('behalf-nobody');
    await claim(node, another(node), 'db1', ['dr']);
    arrive(node, first);
    const { stderr } = await passed(node);
    const whose = `This relay acts as itself, for no other node has claimed ${node.path(own)}\\.`;
    expect(stderr).toMatch(refusedBy(node, 'db1', whose));
    expect(namesIn(node, 'dr')).toEqual([]);
  });

  it('that stays says once that it is refused, and goes on when its own archive is claimed, too', async () => {
    await using node = await makeRelayNode('behalf-stays');
    const [db1, db2] = [another(node), another(node)];
    await claim(node, db1, 'db1', [own, 'dr']);
    await claim(node, db2, 'db2', ['dr'], 2);
    const relay = await startedRelay(node);
    arrive(node, first);
    await waitFor('the refusal', () => relay.said().includes('belongs to another node'));
    for (const name of [second, third]) arrive(node, name);
    await claim(node, db2, 'db2', [own], 2);
    await untilThere(node, [first, second, third]);
    await waitFor('the word', () => relay.said().includes('dr takes files again'));
    const { code, stderr } = await relay.stop();
    expect(code).toBe(0);
    expect(stderr.match(/belongs to another node/g)).toHaveLength(1);
    expect(stderr).toContain('it is tried again with growing pauses.');
  });

  it('that stays opens its roads anew when its own archive changes hands', async () => {
    await using node = await makeRelayNode('behalf-reopens');
    const [db1, db2] = [another(node), another(node)];
    await claim(node, db1, 'db1', [own, 'dr']);
    const relay = await startedRelay(node);
    arrive(node, first);
    await untilThere(node, [first]);
    await claim(node, db2, 'db2', [own, 'dr'], 2);
    // Something it watches, so that it looks at once; it is a standby still.
    writeFileSync(node.path('data/recovery.signal'), '');
    await waitFor('the word', () => relay.said().includes(`carrying on behalf of db2 (${db2.nodeId})`));
    arrive(node, second);
    await untilThere(node, [second]);
    const { code, stderr } = await relay.stop();
    expect(code).toBe(0);
    expect(stderr).not.toContain('belongs to another node');
    expect(namesIn(node, 'dr')).toEqual([first, second]);
  });
});
