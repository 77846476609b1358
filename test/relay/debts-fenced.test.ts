// As whom debts are paid: a primary as itself, a standby on behalf of whoever holds its own archive, and then only what
// belongs to the history of the cluster. An archive that somebody else holds refuses, and the debts stay.
import { readFileSync, renameSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { openDestination } from '../../src/transport/open.ts';
import type { Identity } from '../../src/transport/transport.ts';
import { bestEffort, isWhole, owe, owedTo } from '../archive/policies/policy-node.ts';
import type { NodeFixture } from '../harness/node-fixture.ts';
import { waitFor } from '../harness/wait-for.ts';
import { historyText, ourCluster, segmentNamed } from '../harness/wal-files.ts';
import { makeNode as anotherNode, neverStopped } from '../transport/archives.ts';
import { namesIn, passed, setState, silence, startedRelay } from './fixture.ts';
import { asideOf, primaryNode, untilPaid } from './primary.ts';

const [one, two] = [segmentNamed(2), segmentNamed(3)];
const past = segmentNamed(7);

async function claim(
  node: NodeFixture,
  by: Identity,
  nodeName: string,
  ...directories: string[]
): Promise<void> {
  for (const directory of directories) {
    const road = await openDestination(`file:${node.path(directory)}`, by);
    await road.claim({ timeline: 2, nodeName, takeOver: true }, neverStopped);
  }
}

const another = (node: NodeFixture): Identity => anotherNode(node.sandbox, ourCluster.toString());

/** A primary that owes dr what db2 has. */
async function owingNode(label: string): Promise<NodeFixture> {
  const node = await primaryNode(label, { db2: [], dr: bestEffort });
  for (const name of [one, two, past]) node.segment(name, {}, 'db2');
  owe(node, 'dr', [one, two, past]);
  return node;
}

/** The same once it has become a standby of db9, which holds its own archive and dr. */
async function standbyNode(label: string): Promise<NodeFixture> {
  const node = await owingNode(label);
  becomeStandby(node, 2);
  await claim(node, another(node), 'db9', 'twowarm/archive', 'dr');
  return node;
}

function becomeStandby(node: NodeFixture, timeline: number): void {
  node.mode('standby');
  rmSync(node.path('data/postmaster.pid'));
  setState(node, 'shut down in recovery', timeline);
}

describe('a primary whose destination another node holds', () => {
  it('is told by the relay, once, and the debts stay', async () => {
    await using node = await owingNode('owed-fenced');
    const db9 = another(node);
    await claim(node, db9, 'db9', 'dr');
    const relay = await startedRelay(node);
    await waitFor('the refusal', () => relay.said().includes('belongs to another node'));
    const { code, stderr } = await relay.stop();
    expect(code).toBe(0);
    expect(stderr).toMatch(
      new RegExp(
        `WARNING: {2}cannot store ${one} at file:${node.path('dr')}: the archive belongs to another node\n` +
          `DETAIL: {2}Node db9 \\(${db9.nodeId}\\) holds it on timeline 2, epoch 1, since [^ ]+\\. Nothing was stored\\. ` +
          `It is owed 3 files, ${one} first; it is tried again with growing pauses\\.\n` +
          `HINT: {2}If db9 is the primary now, stop this server: it is a second one\\. If this one is a restored copy, set archive_mode = off in it\\. If this one is the primary: twowarm claim --take-over file:${node.path('dr')}\n$`,
      ),
    );
    expect(owedTo(node, 'dr')).toEqual([one, two, past]);
    expect(asideOf(node, 'dr')).toEqual([]);
    expect(namesIn(node, 'dr')).toEqual([segmentNamed(1)]);
  });

  it('is told by rsyncDR, which fails', async () => {
    await using node = await owingNode('owed-fenced-pass');
    const db9 = another(node);
    await claim(node, db9, 'db9', 'dr');
    const { code, stderr } = await passed(node);
    expect(stderr).toContain(
      `rsyncDR: ERROR:  cannot store ${one} at file:${node.path('dr')}: the archive belongs to another node\n`,
    );
    expect(code).toBe(40);
    expect(owedTo(node, 'dr')).toEqual([one, two, past]);
  });
});

describe('a standby that owes from its time as a primary', () => {
  it('brings on behalf of the primary what belongs to its history, and nothing past the fork', async () => {
    await using node = await standbyNode('owed-standby');
    node.sandbox.file('data/pg_wal/00000002.history', historyText('0/500000'));
    const relay = await startedRelay(node);
    await untilPaid(node, 'dr');
    await waitFor('the word', () => relay.said().includes('does not belong'));
    const { stderr } = await relay.stop();
    expect(stderr).toContain(
      `twowarm relay: WARNING:  ${past} does not belong to timeline 2: it lies past the point where that left its own\nDETAIL:  It stays owed to dr.\n`,
    );
    for (const name of [one, two]) expect(isWhole(node, `dr/${name}`), name).toBe(true);
    expect(namesIn(node, 'dr')).toEqual([segmentNamed(1), one, two]);
    expect(asideOf(node, 'dr')).toHaveLength(1);
  });

  it('brings nothing while nobody can tell what belongs to it', async () => {
    await using node = await standbyNode('owed-standby-unknown');
    const { code, stderr } = await passed(node);
    expect(stderr).toBe(
      'rsyncDR: ERROR:  could not find 00000002.history, the history of the timeline of db9\n' +
        'DETAIL:  Without it nobody can tell which of the files that are owed belong to the history of the cluster.\n',
    );
    expect(code).toBe(52);
    expect(owedTo(node, 'dr')).toEqual([one, two, past]);
    node.sandbox.file('data/pg_wal/00000002.history', historyText('0/A00000'));
    expect(await passed(node)).toEqual(silence);
    expect(owedTo(node, 'dr')).toEqual([]);
  });

  it('brings nothing as itself while the archive that it has used is away', async () => {
    await using node = await owingNode('owed-standby-away');
    becomeStandby(node, 2);
    await claim(node, another(node), 'db9', 'twowarm/archive');
    expect((await passed(node)).code).toBe(52);
    renameSync(node.path('twowarm/archive'), node.path('unmounted'));
    const { code, stderr } = await passed(node);
    expect(stderr).toContain(`the archive directory ${node.path('twowarm/archive')} does not exist\n`);
    expect(code).not.toBe(0);
    expect(owedTo(node, 'dr')).toEqual([one, two, past]);
    expect(namesIn(node, 'dr')).toEqual([segmentNamed(1)]);
  });

  it('of an archive that nobody has claimed brings it as itself', async () => {
    await using node = await owingNode('owed-standby-unclaimed');
    becomeStandby(node, 1);
    expect(await passed(node)).toEqual(silence);
    expect(owedTo(node, 'dr')).toEqual([]);
    expect(readFileSync(node.path(`dr/${past}`)).equals(readFileSync(node.path(`db2/${past}`)))).toBe(true);
  });
});
