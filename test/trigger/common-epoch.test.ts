// Three nodes that claim, take over and take back three archives, several at once and in any order: who holds an archive, and
// that one claim of a node has one epoch everywhere. Real directories; the order of system calls is the machine's.
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ThisNode } from '../../src/postgres/this-node.ts';
import { openDestination, openSource } from '../../src/transport/open.ts';
import type { ClaimOutcome } from '../../src/transport/ownership-verbs.ts';
import type { Standing } from '../../src/transport/ownership.ts';
import type { Identity } from '../../src/transport/transport.ts';
import { claimEach, releaseEach } from '../../src/trigger/claim-archives.ts';
import { behindOthers, behindWarning, raiseAll } from '../../src/trigger/common-epoch.ts';
import type { Target } from '../../src/trigger/targets.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { acceptAll, makeNode, neverStopped, patterned } from '../transport/archives.ts';

const count = 3;
const indexes = [0, 1, 2] as const;

interface Deed {
  what: 'claim' | 'take over' | 'take back';
  node: number;
  timeline: number;
  /** Which archives, by index. */
  archives: readonly number[];
}

const deed: fc.Arbitrary<Deed> = fc.record({
  what: fc.constantFrom('claim' as const, 'take over' as const, 'take over' as const, 'take back' as const),
  node: fc.nat(count - 1),
  timeline: fc.integer({ min: 1, max: 2 }),
  archives: fc.subarray([...indexes], { minLength: 1 }),
});
const story = fc.array(fc.array(deed, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 6 });

class World {
  readonly nodes: Identity[];
  readonly targets: Target[];
  private readonly sandbox: Sandbox;
  /** By archive: every epoch that a node was told to hold. */
  private readonly told = indexes.map(() => new Map<number, string>());

  constructor(sandbox: Sandbox) {
    this.sandbox = sandbox;
    this.nodes = indexes.map(() => makeNode(sandbox));
    this.targets = indexes.map((index) => ({
      destination: `db${index}`,
      url: `file:${sandbox.directory(`${this.nodes[0]!.nodeId}/archive-${index}`)}`,
    }));
  }

  nodeOf(index: number): ThisNode {
    // What the claims of a node need of it.
    const identity = this.nodes[index]!;
    return {
      identity,
      settings: { home: dirname(identity.stateDirectory), destinations: [] },
    } as unknown as ThisNode;
  }

  standings(archive: number): Promise<Standing[]> {
    const { url } = this.targets[archive]!;
    const look = async (node: Identity): Promise<Standing> =>
      (await (await openSource(url, node)).ownership(neverStopped)).standing;
    return Promise.all(this.nodes.map(look));
  }

  async do({ what, node, timeline, archives }: Deed): Promise<Map<number, 'held' | 'refused' | 'other'>> {
    const targets = archives.map((index) => this.targets[index]!);
    const request = { timeline, nodeName: `db${node}`, takeOver: what === 'take over' };
    const came = new Map<number, 'held' | 'refused' | 'other'>();
    if (what === 'take back') {
      const results = await releaseEach(targets, timeline, this.nodeOf(node), neverStopped);
      for (const { fault } of results) if (fault !== undefined) throw fault;
      return came;
    }
    const results = await claimEach(targets, () => request, this.nodeOf(node), neverStopped);
    for (const [at, { fault, value }] of results.entries()) {
      const archive = archives[at]!;
      if (fault !== undefined && fault.kind !== 'fenced') throw fault;
      came.set(archive, fault === undefined ? 'held' : 'refused');
      if (value !== undefined) this.note(archive, value.claim.epoch, this.nodes[node]!.nodeId);
    }
    return came;
  }

  /** No epoch of an archive is ever two nodes'. */
  private note(archive: number, epoch: number, node: string): void {
    const before = this.told[archive]!.get(epoch);
    if (before !== undefined) expect([archive, epoch, before]).toEqual([archive, epoch, node]);
    this.told[archive]!.set(epoch, node);
  }

  changesOf(archive: number): number[] {
    const path = join(this.targets[archive]!.url.slice('file:'.length), '.twowarm/epochs');
    try {
      return readdirSync(path)
        .map(Number)
        .sort((a, b) => a - b);
    } catch {
      return [];
    }
  }

  /** One chapter: everything of it at once. */
  async play(deeds: readonly Deed[]): Promise<void> {
    const before = await Promise.all(indexes.map((archive) => this.standings(archive)));
    const came = await Promise.all(deeds.map((each) => this.do(each)));
    const isTakenBack = deeds.some(({ what }) => what === 'take back');
    for (const archive of indexes) {
      const now = await this.standings(archive);
      expect(now.filter((standing) => standing === 'ours').length).toBeLessThanOrEqual(1);
      // Counted without a gap, and nothing half-written beside them.
      expect(this.changesOf(archive)).toEqual(this.changesOf(archive).map((_, at) => at + 1));
      if (isTakenBack) continue;
      for (const node of indexes) {
        const own = deeds.flatMap((each, at) => (each.node === node ? [came[at]!.get(archive)] : []));
        if (own.includes('held') || !own.includes('refused') || before[archive]![node] === 'ours') continue;
        expect([archive, node, now[node]]).not.toEqual([archive, node, 'ours']);
      }
    }
  }

  /** A relay that carries from each archive to each other one, on behalf of whoever holds the first. */
  async relayAll(owner: Identity): Promise<void> {
    const relay = makeNode(this.sandbox);
    const source = this.sandbox.file('source', patterned(100, 1));
    for (const from of this.targets)
      for (const to of this.targets) {
        const { claim } = await (await openSource(from.url, relay)).ownership(neverStopped);
        expect(claim!.node).toBe(owner.nodeId);
        const acting = { ...relay, nodeId: claim!.node, heldEpoch: claim!.epoch, writer: relay.nodeId };
        const road = await openDestination(to.url, acting);
        expect(await road.put('00000001000000000000000A', source, acceptAll, neverStopped)).toMatch(
          /stored$/,
        );
      }
  }
}

describe('three nodes at three archives', { timeout: 240_000 }, () => {
  it('whatever they do at once, one holds an archive at most, and a claim of all by one has one epoch', async () => {
    await using sandbox = makeSandbox('common-epoch');
    const property = fc.asyncProperty(story, fc.nat(count - 1), async (chapters, last) => {
      const world = new World(sandbox);
      for (const deeds of chapters) await world.play(deeds);
      const request = { timeline: 2, nodeName: `db${last}`, takeOver: true };
      const results = await claimEach(world.targets, () => request, world.nodeOf(last), neverStopped);
      const epochs = results.map(({ value, fault }) => value?.claim.epoch ?? fault);
      expect(new Set(epochs).size).toBe(1);
      const isOwner = Array.from({ length: count }, (_, node) => (node === last ? 'ours' : 'theirs'));
      for (const archive of indexes) expect(await world.standings(archive)).toEqual(isOwner);
      await world.relayAll(world.nodes[last]!);
    });
    await fc.assert(property, { numRuns: 20 });
  });

  it('one that cannot follow, of an earlier version, is told of, and the others keep their epoch', async () => {
    const targets = ['db2', 'dr'].map((name): Target => ({
      destination: name,
      url: `ssh://${name}/archive`,
    }));
    const outcome = (epoch: number): ClaimOutcome => ({
      outcome: 'claimed',
      claim: { timeline: 2, node: 'a', nodeName: 'db1', epoch, at: 'then' },
      previous: undefined,
      quarantined: [],
    });
    const claimed = targets.map((target, at) => ({ target, value: outcome(at === 0 ? 4 : 7) }));
    const asked: [string, number][] = [];
    // As a receiver that ignores the epoch which it is asked for.
    const raised = await raiseAll(claimed, async (which, epoch) =>
      which.map((target) => {
        asked.push([target.url, epoch]);
        return { target, value: { ...outcome(4), outcome: 'already-claimed' } };
      }),
    );
    expect(new Set(asked.map(String))).toEqual(new Set(['ssh://db2/archive,7']));
    expect([...raised.values()].map(({ value }) => value?.claim.epoch)).toEqual([4, 7]);
    expect(behindOthers([...raised.values()]).map(behindWarning)).toEqual([
      {
        message: "ssh://db2/archive stays at epoch 4; the node's other archives are at 7",
        detail: 'A relay that carries from there on behalf of this node is refused at those.',
        hint: 'Once it can be reached and runs the same version of twowarm, run here: twowarm claim',
      },
    ]);
  });

  it('an archive whose higher epoch was taken back makes the others follow', async () => {
    await using sandbox = makeSandbox('followed');
    const world = new World(sandbox);
    const [first, , third] = world.targets as [Target, Target, Target];
    const high = { timeline: 1, nodeName: 'db2', takeOver: true, atLeast: 12 };
    const before = await openDestination(third.url, world.nodes[2]!);
    await before.claim(high, neverStopped);
    expect(await before.release(12, neverStopped)).toBe('released');
    const request = { timeline: 1, nodeName: 'db0', takeOver: false };
    const results = await claimEach(world.targets, () => request, world.nodeOf(0), neverStopped);
    expect(results.map(({ value }) => value?.claim.epoch)).toEqual([13, 13, 13]);
    expect(results.map(({ value }) => value?.outcome)).toEqual(['claimed', 'claimed', 'claimed']);
    // Raised in two steps, and taken back as one: nobody's again, although a claim of its own was before.
    expect(world.changesOf(0)).toEqual([1, 2]);
    const released = await releaseEach([first], 1, world.nodeOf(0), neverStopped);
    expect(released.map(({ value }) => value)).toEqual(['released']);
    expect(await world.standings(0)).toEqual(['unclaimed', 'unclaimed', 'unclaimed']);
  });
});
