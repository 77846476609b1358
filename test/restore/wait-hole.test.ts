// A wait for a segment of which a later one is there already: said once, and nothing about the wait changes.
import { describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import type { NodeFixture } from '../harness/node-fixture.ts';
import {
  answered,
  makeWaitingNode,
  place,
  publish,
  report,
  restored,
  startWaiting,
  toldBy,
} from '../harness/waiting.ts';
import { waitFor } from '../harness/wait-for.ts';
import { segmentNamed } from '../harness/wal-files.ts';

const name = segmentNamed(0x21);
const patient = { timeout: 40_000 };

const said = (node: NodeFixture): boolean => {
  try {
    return readFileSync(node.path('twowarm/state/said/later-there'), 'utf8') === name;
  } catch {
    return false;
  }
};

const saying = (node: NodeFixture, later: string, directory: string): string =>
  report(
    'LOG',
    `restore_command waits for ${name}; ${later} is at file:${node.path(directory)} already`,
    'HINT:  Replay cannot go past it. If it does not arrive, another archive may have it: restore.sources takes several.',
  );

// Both take the time that a wait has to take before it looks.
describe.concurrent('a wait', patient, () => {
  it('for a segment of which a later one is there says so once, and ends with the segment', async () => {
    await using node = await makeWaitingNode('wait-hole');
    for (const number of [0x24, 0x23]) node.segment(segmentNamed(number), {}, 'second');
    // Of a timeline that the server does not follow, and an earlier one.
    for (const other of [segmentNamed(0x22, 2), segmentNamed(0x20)]) node.segment(other, {}, 'first');
    const call = await startWaiting(node, name);
    await waitFor('the word', () => said(node), { limitMs: 20_000 });
    publish(node, 'first', name);
    const { stderr, ...ending } = await call.ended();
    expect({ ...ending, stderr: '' }).toEqual(restored(`created first/${name}`));
    expect(stderr).toBe(saying(node, segmentNamed(0x23), 'second'));
  });

  it('at the end of the WAL says nothing', async () => {
    await using node = await makeWaitingNode('wait-end');
    node.segment(segmentNamed(0x20), {}, 'first');
    const call = await startWaiting(node, name);
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    place(node, 'twowarm/trigger', 'smart\n');
    expect(await call.ended()).toEqual(
      answered(1, toldBy(node.path('twowarm/trigger'), 'smart', true), ['created twowarm/trigger']),
    );
    expect(said(node)).toBe(false);
  });
});
