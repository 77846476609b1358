// SIGKILL while a fallback stands in and while a debt is paid: no file is ever without a copy that counts, no debt is
// forgotten, none is struck before the destination has the file, and the next calls put everything right.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { fallbackFor, policyNode, statusOf, takeAway } from '../archive/policies/policy-node.ts';
import { runCall } from '../archive/policies/run-call.ts';
import { commandLine, type NodeFixture } from '../harness/node-fixture.ts';
import { turnOf } from '../harness/share.ts';
import { segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import { callsOf, inParallel, killAt, Missed } from './kill.ts';
import { changesFiles, words, type Call } from './strace.ts';
import { expectNothingUnfinished } from './whole-files.ts';

const [one, two, three] = [0x21, 0x22, 0x23].map((at) => segmentNamed(at)) as [string, string, string];
const call = (name: string): string => commandLine('archiveWALFile', `pg_wal/${name}`, name);

const segmentsIn = (node: NodeFixture, directory: string): string[] =>
  existsSync(node.path(directory))
    ? readdirSync(node.path(directory)).filter((name) => /^[0-9A-F]{24}$/.test(name))
    : [];

function expectWhole(node: NodeFixture): void {
  for (const directory of ['db2', 'db2-away', 'dr', 'twowarm/spool/held/db2']) {
    for (const name of segmentsIn(node, directory))
      expect(readFileSync(node.path(`${directory}/${name}`)).equals(segmentBytes(name)), name).toBe(true);
  }
}

/** A node whose fallback stands in already, as it does for the second of many files. */
async function standingIn(): Promise<NodeFixture> {
  const node = await policyNode('kill-policies', { db2: [], dr: fallbackFor('db2') });
  takeAway(node, 'db2');
  for (const name of [one, two]) expect(await runCall(node, name)).toMatchObject({ code: 0 });
  node.segment(three);
  return node;
}

async function returned(): Promise<NodeFixture> {
  const node = await standingIn();
  for (const name of [one, two]) rmSync(node.path(`data/pg_wal/${name}`));
  renameSync(node.path('db2-away'), node.path('db2'));
  return node;
}

interface Story {
  prepare: () => Promise<NodeFixture>;
  /** What must hold right after the kill. */
  afterKill: (node: NodeFixture) => Promise<void>;
  /** What must hold after the call was made again. */
  afterAll: (node: NodeFixture) => Promise<void>;
}

const stories: Readonly<Record<string, Story>> = {
  'a call in which a fallback stands in': {
    prepare: standingIn,
    afterKill: async (node) => {
      const { debt } = await statusOf(node, 'db2');
      expect(debt.first).toBe(one);
      expect(debt.count).toBeGreaterThanOrEqual(2);
    },
    afterAll: async (node) => {
      expect((await statusOf(node, 'db2')).debt).toMatchObject({ count: 3, first: one, last: three });
      expect(segmentsIn(node, 'twowarm/spool/held/db2')).toEqual([one, two, three]);
      expect(segmentsIn(node, 'dr')).toEqual([one, two, three]);
    },
  },
  'a call that pays debts': {
    prepare: returned,
    afterKill: async (node) => {
      const there = segmentsIn(node, 'db2');
      const owed = node.path(`twowarm/state/ledger/db2/owed/${one.slice(0, 16)}`);
      const debts = existsSync(owed) ? readdirSync(owed) : [];
      for (const name of [one, two]) {
        // Struck, or no longer held: then it is there.
        if (!debts.includes(`${name}.owed`)) expect(there).toContain(name);
        if (!segmentsIn(node, 'twowarm/spool/held/db2').includes(name)) expect(there).toContain(name);
      }
    },
    afterAll: async (node) => {
      expect(await runCall(node, segmentNamed(0x24))).toMatchObject({ code: 0 });
      expect((await statusOf(node, 'db2')).debt.count).toBe(0);
      expect(segmentsIn(node, 'db2')).toEqual(expect.arrayContaining([one, two, three]));
      expect(segmentsIn(node, 'twowarm/spool/held/db2')).toEqual([]);
      expect((await statusOf(node, 'dr')).standsInFor).toEqual([]);
    },
  },
};

async function killOnce(story: Story, calls: readonly Call[], index: number, attempt = 0): Promise<void> {
  await using node = await story.prepare();
  try {
    await killAt(node, call(three), calls, index, attempt);
  } catch (error) {
    if (!(error instanceof Missed) || attempt >= 3) throw error;
    return await killOnce(story, calls, index, attempt + 1);
  }
  expectWhole(node);
  await story.afterKill(node);
  expect(await runCall(node, three)).toMatchObject({ code: 0 });
  await story.afterAll(node);
  expectWhole(node);
  expectNothingUnfinished(node.sandbox.path);
}

describe.each(Object.entries(stories))('%s', (_, story) => {
  it('can be killed between any two of its steps', { timeout: 240_000 }, async () => {
    const calls = await (async () => {
      await using node = await story.prepare();
      return await callsOf(node, call(three));
    })();
    const changes = calls.filter(changesFiles);
    expect(changes.length).toBeGreaterThan(30);
    // Some of them, evenly: each costs a node with a history of calls. A write is one of too many to be met.
    const met = [...changes.keys()].filter((index) => changes[index]!.name !== 'write');
    const evenly = Array.from({ length: 7 }, (__, at) => met[Math.floor(((at + 0.5) * met.length) / 7)]!);
    const points = turnOf(evenly, 2, Object.values(stories).indexOf(story));
    const failures: string[] = [];
    let hit = 0;
    await inParallel(points.length, async (at) => {
      const index = points[at]!;
      try {
        await killOnce(story, calls, index);
        hit += 1;
      } catch (error) {
        // A point that cannot be met proves nothing; most of them have to be.
        if (!(error instanceof Missed))
          failures.push(`killed at ${words(changes[index]!)}: ${String(error)}`);
      }
    });
    expect(failures).toEqual([]);
    expect(hit).toBeGreaterThanOrEqual(points.length / 2);
  });
});
