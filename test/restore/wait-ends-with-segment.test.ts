// What a waiting restoreWALFile waits for: the segment, published at any source in any way, is delivered whole.
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { NodeFixture } from '../harness/node-fixture.ts';
import { giveToServerUser } from '../harness/server-user.ts';
import { inTurn, placeOf } from '../harness/share.ts';
import { waitFor } from '../harness/wait-for.ts';
import {
  makeWaitingNode,
  place,
  publish,
  resetWaitingNode,
  restored,
  startRestore,
  startWaiting,
  target,
  untilItWaits,
  waitingToml,
} from '../harness/waiting.ts';
import { segmentBytes, segmentNamed } from '../harness/wal-files.ts';

const name = segmentNamed(0x21);

let node: NodeFixture;
beforeAll(async () => {
  node = await makeWaitingNode('wait-segment');
});
beforeEach(() => resetWaitingNode(node));
afterAll(() => node[Symbol.asyncDispose]());

const isDelivered = (): boolean => readFileSync(node.path(`data/${target}`)).equals(segmentBytes(name));

const ways: [string, (directory: string) => void][] = [
  [
    'a link',
    (directory) => {
      const temporary = node.sandbox.file(`${directory}/.tmp.${name}`, segmentBytes(name));
      linkSync(temporary, node.path(`${directory}/${name}`));
      rmSync(temporary);
    },
  ],
  [
    'a rename',
    (directory) => {
      const temporary = node.sandbox.file(`${directory}/.tmp.${name}`, segmentBytes(name));
      renameSync(temporary, node.path(`${directory}/${name}`));
    },
  ],
];

describe.each(['standby', 'recovery'] as const)('a wait under %s ends', (mode) => {
  const its = inTurn(2, placeOf[mode]);
  beforeEach(() => {
    node.mode(mode);
    if (mode === 'recovery') node.configure(waitingToml(node.path, { wait: 'warm' }));
  });

  describe.each(['first', 'second'])('when the segment comes to the %s source', (directory) => {
    inTurn(2, placeOf[mode] + (directory === 'first' ? 0 : 1)).each(ways)('by %s', async (_, bring) => {
      const call = await startWaiting(node, name);
      bring(directory);
      expect(await call.ended()).toEqual(restored(`created ${directory}/${name}`));
      expect(isDelivered()).toBe(true);
    });
  });

  its('not by another segment, a file on its way, or a name that is none', async () => {
    const call = await startWaiting(node, name);
    publish(node, 'first', segmentNamed(0x22));
    place(node, `second/.tmp.${name}.x`, segmentBytes(name));
    place(node, `first/${name}.x`, segmentBytes(name));
    await untilItWaits(call);
    publish(node, 'second', name);
    const others = [
      `created first/${name}.x`,
      `created first/${segmentNamed(0x22)}`,
      `created second/.tmp.${name}.x`,
      `created second/${name}`,
    ];
    expect(await call.ended()).toEqual(restored(...others));
  });

  its('when it is there between two looks of a server that asks again', async () => {
    node.segment(name, {}, 'first');
    const call = startRestore(node, name);
    expect(await call.ended()).toEqual(restored());
  });
});

/** Writes in pieces, each after the waiting call has had its look at the one before. */
async function copySlowly(seen: () => Promise<unknown>): Promise<void> {
  const bytes = segmentBytes(name);
  const path = node.path(`first/${name}`);
  // Readable from the first moment, whoever the tests run as.
  const descriptor = openSync(path, 'wx', 0o644);
  giveToServerUser(path);
  const piece = bytes.length / 8;
  for (let at = 0; at < bytes.length; at += piece) {
    writeSync(descriptor, bytes, at, piece, at);
    if (at < 3 * piece) await seen();
  }
  closeSync(descriptor);
}

describe('a segment that somebody copies into place under its own name', () => {
  it('is waited for until it is whole, silently under standby', async () => {
    node.configure(waitingToml(node.path, { limit: '20s' }));
    const call = await startWaiting(node, name);
    await copySlowly(() => waitFor('a look', () => untilQuietOrOver(call.pid)));
    expect(await call.ended()).toEqual(restored(`created first/${name}`));
    expect(isDelivered()).toBe(true);
  });

  it('is waited for until it is whole, with one line under recovery', async () => {
    node.configure(waitingToml(node.path, { wait: 'warm' }));
    node.mode('recovery');
    const call = await startWaiting(node, name);
    await copySlowly(() => untilItWaits(call));
    const { stderr, ...ending } = await call.ended();
    expect({ ...ending, stderr: '' }).toEqual(restored(`created first/${name}`));
    expect(stderr.split('\n')[0]).toBe(
      `restoreWALFile: WARNING:  still waiting for ${name}: will not restore ${name} from file:${node.path('first')}: it is not what its name says`,
    );
    expect(stderr.match(/WARNING/g)).toHaveLength(1);
    expect(isDelivered()).toBe(true);
  });
});

/** The retries of a call that does not sleep yet are short pauses: it has read what was there. */
const untilQuietOrOver = (pid: number): boolean =>
  /^State:\s+S/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));

describe('a source that is large', () => {
  it('wakes as quickly, with 20,000 files in it', async () => {
    mkdirSync(node.path('first/pile'));
    const pile = node.sandbox.file('first/pile/file', '');
    for (let number = 0; number < 20_000; number++)
      linkSync(pile, node.path(`first/${segmentNamed(0x1000 + number)}`));
    rmSync(node.path('first/pile'), { recursive: true });
    const call = await startWaiting(node, name);
    const startedMs = performance.now();
    publish(node, 'first', name);
    await waitFor('the segment to be delivered', isDelivered, { everyMs: 2 });
    const ms = performance.now() - startedMs;
    expect(ms).toBeLessThan(2000);
    expect((await call.ended()).code).toBe(0);
  });
});
