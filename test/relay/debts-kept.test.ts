// What is held for a destination because archive_command called it archived is never lost to another file of its name
// that the relay carries meanwhile; and what is only away is not called lost.
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { bestEffort, owe, owedTo, takeAway } from '../archive/policies/policy-node.ts';
import type { NodeFixture } from '../harness/node-fixture.ts';
import { inTurn } from '../harness/share.ts';
import { waitFor } from '../harness/wait-for.ts';
import { segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import {
  arrive,
  makeRelayNode,
  namesIn,
  passed,
  rsyncDR,
  silence,
  startedRelay,
  untilThere,
} from './fixture.ts';
import { asideOf, heldFor, primaryNode } from './primary.ts';

const heldDirectory = 'twowarm/spool/held/dr';
const newest = segmentNamed(0x900);
const [ours, theirs] = [0x44, 0x55].map((content) => segmentBytes(newest, { content })) as [Buffer, Buffer];

/** A standby that owes dr many files, `name` last, which is held; another one of that name arrives in its archive. */
async function owingStandby(label: string, name: string): Promise<NodeFixture> {
  const node = await makeRelayNode(label);
  arrive(node, segmentNamed(1));
  expect(await passed(node)).toEqual(silence);
  // So many that the relay carries what has arrived long before their turn ends.
  const older = Array.from({ length: 100 }, (_, at) =>
    node.segment(segmentNamed(0x100 + at), {}, heldDirectory),
  );
  node.segment(name, { content: 0x44 }, heldDirectory);
  owe(node, 'dr', [...older, name]);
  arrive(node, name, theirs);
  return node;
}

/** All copies of a name that dr has. */
const copiesAt = (node: NodeFixture, name: string): Buffer[] => {
  const versions = node.path('dr/.twowarm/versions');
  const others = existsSync(versions) ? readdirSync(versions).map((file) => `${versions}/${file}`) : [];
  return [node.path(`dr/${name}`), ...others].map((path) => readFileSync(path));
};
const includes = (copies: readonly Buffer[], bytes: Buffer): boolean =>
  copies.some((copy) => copy.equals(bytes));

describe('a last partial segment that is owed is brought, though the relay carries another one of its name', () => {
  const its = inTurn(2);
  const partial = `${newest}.partial`;

  its('in one pass', { timeout: 60_000 }, async () => {
    await using node = await owingStandby('kept-partial-pass', partial);
    expect(await passed(node)).toEqual(silence);
    const copies = copiesAt(node, partial);
    expect(copies).toHaveLength(2);
    for (const bytes of [ours, theirs]) expect(includes(copies, bytes)).toBe(true);
    expect(owedTo(node, 'dr')).toEqual([]);
    expect(heldFor(node, 'dr')).toEqual([]);
  });

  its('by a relay that stays', { timeout: 60_000 }, async () => {
    await using node = await owingStandby('kept-partial-relay', partial);
    const relay = await startedRelay(node);
    await waitFor('the word', () => relay.said().includes('dr has everything that it was owed'), {
      limitMs: 40_000,
    });
    await untilThere(node, [partial]);
    await waitFor('both', () => copiesAt(node, partial).length === 2);
    for (const bytes of [ours, theirs]) expect(includes(copiesAt(node, partial), bytes)).toBe(true);
    expect(owedTo(node, 'dr')).toEqual([]);
    expect(heldFor(node, 'dr')).toEqual([]);
    expect((await relay.stop()).stderr).not.toMatch(/WARNING|ERROR/);
  });

  it('and the other one is carried, though it arrives after the debt was paid', async () => {
    await using node = await makeRelayNode('kept-partial-later');
    arrive(node, segmentNamed(1));
    node.segment(partial, { content: 0x44 }, heldDirectory);
    owe(node, 'dr', [partial]);
    expect(await passed(node)).toEqual(silence);
    expect(owedTo(node, 'dr')).toEqual([]);
    arrive(node, partial, theirs);
    expect(await passed(node)).toEqual(silence);
    const copies = copiesAt(node, partial);
    for (const bytes of [ours, theirs]) expect(includes(copies, bytes)).toBe(true);
  });
});

describe('a segment that is owed, of which the own archive has other bytes, is kept where dr has those, and told', () => {
  const its = inTurn(2, 1);
  const bucket = `${newest.slice(0, 16)}/${newest}.owed`;

  its('in one pass', { timeout: 60_000 }, async () => {
    await using node = await owingStandby('kept-segment-pass', newest);
    const { stderr } = await rsyncDR(node);
    expect(stderr).toContain(newest);
    expect(stderr).toContain('Find out which copy is right.');
    expect(readFileSync(node.path(`dr/${newest}`)).equals(theirs)).toBe(true);
    expect(owedTo(node, 'dr')).toEqual([]);
    expect(asideOf(node, 'dr')).toEqual([bucket]);
    expect(heldFor(node, 'dr')).toEqual([newest]);
    expect(readFileSync(node.path(`${heldDirectory}/${newest}`)).equals(ours)).toBe(true);
  });

  its('by a relay that stays', { timeout: 60_000 }, async () => {
    await using node = await owingStandby('kept-segment-relay', newest);
    const relay = await startedRelay(node);
    await waitFor('it to be set aside', () => asideOf(node, 'dr').length > 0, { limitMs: 40_000 });
    await waitFor('the word', () => relay.said().includes('Find out which copy is right.'));
    expect((await relay.stop()).stderr).not.toContain('dr has everything that it was owed');
    expect(readFileSync(node.path(`dr/${newest}`)).equals(theirs)).toBe(true);
    expect(asideOf(node, 'dr')).toEqual([bucket]);
    expect(heldFor(node, 'dr')).toEqual([newest]);
    expect(readFileSync(node.path(`${heldDirectory}/${newest}`)).equals(ours)).toBe(true);
  });
});

describe('a debt of which only the own archive has a copy', () => {
  it('waits while that is away, and is paid when it is back', async () => {
    await using node = await makeRelayNode('kept-own-away');
    arrive(node, segmentNamed(1));
    expect(await passed(node)).toEqual(silence);
    const names = [2, 3, 4].map((at) => arrive(node, segmentNamed(at)));
    owe(node, 'dr', names);
    renameSync(node.path('twowarm/archive'), node.path('archive-away'));
    const { code, stderr } = await rsyncDR(node);
    expect(code).toBe(52);
    expect(stderr).toContain(
      `rsyncDR: ERROR:  the archive directory ${node.path('twowarm/archive')} does not exist\n` +
        'HINT:  If it is a mount, mount it. No program creates it: make a new one with mode 0700 as the owner of the data directory.\n',
    );
    expect(stderr).not.toContain('nobody has');
    expect({ owed: owedTo(node, 'dr'), aside: asideOf(node, 'dr') }).toEqual({ owed: names, aside: [] });
    renameSync(node.path('archive-away'), node.path('twowarm/archive'));
    expect(await passed(node)).toEqual(silence);
    expect(owedTo(node, 'dr')).toEqual([]);
    expect(namesIn(node, 'dr')).toEqual([segmentNamed(1), ...names]);
  });
});

describe('an empty directory of debts, as one who was killed leaves it', () => {
  it('is no debt: nothing is paid, and nothing said', async () => {
    await using node = await primaryNode('kept-empty', { db2: [], dr: bestEffort, far: bestEffort });
    node.sandbox.directory('twowarm/state/ledger/dr/owed/0000000100000000');
    takeAway(node, 'dr');
    const relay = await startedRelay(node);
    // A later look has paid another one.
    node.segment(segmentNamed(2), {}, 'db2');
    owe(node, 'far', [segmentNamed(2)]);
    await waitFor('the word', () => relay.said().includes('far has everything that it was owed'));
    const { stderr } = await relay.stop();
    expect(stderr).not.toContain('dr has');
    // Whoever had paid dr would have met that it is away.
    expect(stderr).not.toContain('WARNING');
  });
});
