// twowarm prune killed at every system call that changes a file, and called again: what must stay is there throughout, and
// whatever is gone is on record.
import { describe, expect, it } from 'vitest';

import { callsOf, inParallel, killAt, Missed } from '../faults/kill.ts';
import { changesFiles, words, type Call } from '../faults/strace.ts';
import { expectNothingUnfinished } from '../faults/whole-files.ts';
import { commandLine, type NodeFixture } from '../harness/node-fixture.ts';
import { shell } from '../harness/run.ts';
import { segmentNamed } from '../harness/wal-files.ts';
import { covering } from '../../src/transport/pruned-ranges.ts';
import { readConsumers } from '../../src/transport/consumers.ts';
import { readPruned } from '../../src/transport/pruned.ts';
import { fill, makePruner, idOf, named, namesIn, recordIn, register } from './archive-of-names.ts';
import { shareOf } from '../harness/share.ts';

const line = commandLine('twowarm', 'prune', segmentNamed(8));
/** A slower reader needs segment 6. */
const stays = named(6, 10);

async function prepare(): Promise<NodeFixture> {
  const node = await makePruner(false);
  fill(node, 2, 10);
  register(node, 'slow', segmentNamed(6));
  // Caches are written, and the cursor is there.
  await shell(commandLine('twowarm', 'prune', segmentNamed(2)), { cwd: node.dataDirectory });
  return node;
}

async function killOnce(calls: readonly Call[], index: number, attempt = 0): Promise<void> {
  await using node = await prepare();
  try {
    await killAt(node, line, calls, index, attempt);
  } catch (error) {
    if (!(error instanceof Missed) || attempt >= 8) throw error;
    return await killOnce(calls, index, attempt + 1);
  }
  const left = namesIn(node);
  expect(left).toEqual(expect.arrayContaining(stays));
  const ranges = await readPruned(node.path('db2'), 'test');
  const gone = named(1, 10).filter((name) => !left.includes(name));
  expect(gone.filter((name) => covering(ranges, name) === undefined)).toEqual([]);
  expect(await readConsumers(node.path('db2'), 'test')).toHaveLength(2);
  const { code, stderr } = await shell(line, { cwd: node.dataDirectory });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(namesIn(node)).toEqual(stays);
  expectNothingUnfinished(node.sandbox.path);
}

it('twowarm prune can be killed at any moment and repeated', { timeout: 300_000 }, async () => {
  let calls: Call[];
  {
    await using node = await prepare();
    calls = await callsOf(node, line);
  }
  const changes = calls.filter(changesFiles);
  const removals = changes.filter(({ name }) => name.startsWith('unlink'));
  expect(removals.length).toBeGreaterThanOrEqual(4);
  const points = shareOf([...changes.keys()], 4);
  await inParallel(points.length, async (at) => {
    const index = points[at]!;
    const change = changes[index]!;
    await killOnce(calls, index).catch((error: unknown) => {
      throw new Error(`killed at ${words(change)}: ${String(error)}`);
    });
  });
});

describe('a restart point that goes back', () => {
  it('removes nothing and does not move the cursor back, and is what this node needs from then on', async () => {
    await using node = await prepare();
    await shell(line, { cwd: node.dataDirectory });
    fill(node, 1, 3);
    const outcome = await node.sh(commandLine('twowarm', 'prune', segmentNamed(4)));
    const changed = [`changed db2/.twowarm/consumers/${idOf(node)}`];
    expect(outcome).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(outcome.changed.map((change) => change.replace(/^\w+/, 'changed'))).toEqual(changed);
    expect(recordIn(node)).toMatchObject({ oldest: segmentNamed(4) });
  });
});
