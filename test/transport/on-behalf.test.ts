// A node that works on behalf of another one: the archive sees the other, what is unfinished bears its own name. And over
// a receiver, which is told who comes.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { openDestination } from '../../src/transport/open.ts';
import type { Identity, InspectOf } from '../../src/transport/transport.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { ourCluster, segmentBytes, segmentNamed } from '../harness/wal-files.ts';
import { acceptAll, makeNode, neverStopped } from './archives.ts';
import { roadTo } from './receiver/spawned.ts';

const name = segmentNamed(1);

/** An archive that one node has claimed, and another node that comes on its behalf by that epoch. */
async function makeScene(sandbox: Sandbox, epoch: number) {
  const [owner, relay] = [makeNode(sandbox, ourCluster.toString()), makeNode(sandbox, ourCluster.toString())];
  const directory = sandbox.directory('archive');
  const road = await openDestination(`file:${directory}`, owner);
  await road.claim({ timeline: 1, nodeName: 'db1', takeOver: false }, neverStopped);
  const acting: Identity = { ...relay, nodeId: owner.nodeId, heldEpoch: epoch, writer: relay.nodeId };
  return { owner, relay, directory, acting, source: sandbox.file('source', segmentBytes(name)) };
}

describe('on behalf of another node', () => {
  it.each(['none', 'zstd'] as const)(
    'files are stored under its claim, their temporary names are of the one who works (%s)',
    async (compression) => {
      await using sandbox = makeSandbox('behalf');
      const { relay, directory, acting, source } = await makeScene(sandbox, 1);
      const seen = new Set<string>();
      const inspect: InspectOf = () => ({
        add: () => {
          for (const path of [directory, join(relay.stateDirectory, 'unfinished')])
            for (const entry of readdirSync(path)) if (entry.startsWith('.tmp.')) seen.add(entry);
        },
        end: () => undefined,
      });
      const road = await openDestination(`file:${directory}`, acting, { compression });
      expect(await road.put(name, source, inspect, neverStopped)).toBe('stored');
      expect(seen.size).toBeGreaterThan(0);
      for (const entry of seen) expect(entry).toContain(`.${relay.nodeId}.${process.pid}.`);
    },
  );

  it.each([
    [0, 'fenced'],
    [1, 'stored'],
  ])('with epoch %s a receiver answers: %s', async (epoch, answer) => {
    await using sandbox = makeSandbox('behalf-receiver');
    const { directory, acting, relay, source } = await makeScene(sandbox, epoch);
    const road = await roadTo(directory, acting);
    const put = road.put(name, source, acceptAll, neverStopped);
    expect(await put.catch((error: { kind: string }) => error.kind)).toBe(answer);
    await road.close();
    const itself = await roadTo(directory, relay);
    await expect(itself.put(segmentNamed(2), source, acceptAll, neverStopped)).rejects.toMatchObject({
      kind: 'fenced',
    });
    await itself.close();
  });
});
