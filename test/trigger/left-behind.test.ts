// What a promotion has left behind at a source: of each timeline of the line before it what lies after the end of the
// replay and before the place where the line left that timeline. Nothing of a timeline that is none of the line's.
import { afterAll, beforeAll, expect, it } from 'vitest';

import { warnOfLeftBehind } from '../../src/trigger/left-behind.ts';
import type { ThisNode } from '../../src/postgres/this-node.ts';
import type { Telling } from '../../src/trigger/telling.ts';
import { makeNode, type NodeFixture } from '../harness/node-fixture.ts';
import { ourCluster, segmentNamed } from '../harness/wal-files.ts';

let node: NodeFixture;
beforeAll(async () => {
  node = await makeNode('left-behind');
  for (let number = 0x20; number < 0x26; number++)
    for (const timeline of [1, 2, 3]) node.segment(segmentNamed(number, timeline), {}, 'db2');
});
afterAll(() => node[Symbol.asyncDispose]());

/** The warnings after a promotion to timeline 4 at an LSN; it descends from timeline 2, which left timeline 1 at 0/2300000. */
async function warningsAt(lsn: string): Promise<string[]> {
  node.sandbox.file('data/pg_wal/00000004.history', `1\t0/2300000\tx\n2\t0/${lsn}\tx\n`);
  const source = `file:${node.path('db2')}`;
  const thisNode = {
    settings: { dataDirectory: node.dataDirectory, restore: { sources: [source] } },
    identity: {
      systemIdentifier: String(ourCluster),
      nodeId: 'test',
      stateDirectory: node.path('twowarm/state'),
      dryRun: true,
    },
  } as unknown as ThisNode;
  const messages: string[] = [];
  const telling = { warn: async ({ message }: { message: string }) => void messages.push(message) };
  const fork = { timeline: 4, parentTimeline: 2, lsn: BigInt(`0x${lsn}`) };
  await warnOfLeftBehind(
    fork,
    new Map(),
    true,
    thisNode,
    new AbortController().signal,
    telling as unknown as Telling,
  );
  return messages.map((message) => message.replace(source, 'source'));
}

const holds = (timeline: number, from: number, count: number): string =>
  `source holds WAL of timeline ${timeline} that was not replayed: from ${segmentNamed(from, timeline)} on, segments: ${count}`;

it.each([
  ['before the fork that it followed', '2100000', [holds(1, 0x21, 2), holds(2, 0x21, 5)]],
  ['in the last segment before it', '2280000', [holds(1, 0x22, 1), holds(2, 0x22, 4)]],
  ['at that fork', '2300000', [holds(2, 0x23, 3)]],
  ['after it', '2400000', [holds(2, 0x24, 2)]],
  ['after everything', '2600000', []],
])('a server that was promoted %s', async (_, lsn, warnings) => {
  expect(await warningsAt(lsn)).toEqual(warnings);
});
