// restoreWALFile follows the timeline that the server itself has found, which it learns from what it is asked for: the
// note of it, for one life of the startup process, and what holds where there is none.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { NodeFixture } from '../harness/node-fixture.ts';
import { startStartup, type Startup } from '../harness/startup-process.ts';
import {
  makeWaitingNode,
  place,
  publish,
  resetWaitingNode,
  target,
  untilItWaits,
  waitingToml,
} from '../harness/waiting.ts';
import { historyText, segmentBytes, segmentNamed } from '../harness/wal-files.ts';

const before = segmentNamed(0x20);
const at = segmentNamed(0x21);
const after = segmentNamed(0x22);

let node: NodeFixture;
beforeAll(async () => {
  node = await makeWaitingNode('followed');
});
beforeEach(() => {
  resetWaitingNode(node);
  rmSync(node.path('twowarm/state/followed-timeline'), { recursive: true, force: true });
  node.configure(waitingToml(node.path, { wait: 'off', sources: ['first'] }));
  for (const name of [before, at, after]) node.segment(name, {}, 'first');
  history(2, historyText('0/2200000'));
});
afterAll(() => node[Symbol.asyncDispose]());

const history = (timeline: number, text: string): void =>
  place(node, `first/0000000${timeline}.history`, text);
/** Left timeline 1 before timeline 2 did. */
const sibling = historyText('0/2100000');
const childOf2 = `${historyText('0/2200000')}2\t0/2300000\tx\n`;

/** What is noted, but for whose life it is. */
function noted(): { tip?: number; found?: number } | undefined {
  const file = node.path('twowarm/state/followed-timeline');
  if (!existsSync(file)) return undefined;
  const { tip, found } = JSON.parse(readFileSync(file, 'utf8')) as { tip?: number; found?: number };
  return { ...(tip && { tip }), ...(found && { found }) };
}

/** 'whole', 'absent' or 'unknown': what the server gets of a segment. */
async function answerOf(server: Startup, name: string, unknown = 200): Promise<string> {
  const code = await server.ask(name);
  if (code !== 0) return code === unknown ? 'unknown' : `exit ${code}`;
  const delivered = readFileSync(node.path(`data/${target}`));
  rmSync(node.path(`data/${target}`));
  return delivered.equals(segmentBytes(name)) ? 'whole' : 'changed';
}

describe('a server under recovery.signal', () => {
  beforeEach(() => node.mode('recovery'));

  it('follows what it found at its start, whatever arrives later', async () => {
    await using server = await startStartup(node);
    expect(await server.probe(2)).toBe(3);
    expect(noted()).toEqual({ tip: 2, found: 2 });
    history(3, sibling);
    expect(await answerOf(server, at)).toBe('whole');
    expect(await answerOf(server, after)).toBe('exit 1');
    // It looks again at its end, for a number that is free.
    expect(await server.ask('00000003.history')).toBe(0);
    expect(await server.ask('00000004.history')).toBe(1);
    expect(noted()).toEqual({ tip: 2, found: 2 });
  });

  it('follows a timeline without a newer one, and takes all of it', async () => {
    rmSync(node.path('first/00000002.history'));
    await using server = await startStartup(node);
    expect(await server.probe(2)).toBe(2);
    expect(noted()).toEqual({ tip: 1, found: 1 });
    history(2, sibling);
    for (const name of [before, at, after]) expect(await answerOf(server, name)).toBe('whole');
  });

  it('follows the newest at its start, also beside a sibling, and looks anew in its next life', async () => {
    {
      await using server = await startStartup(node);
      await server.probe(2);
    }
    history(3, sibling);
    await using server = await startStartup(node);
    expect(await answerOf(server, at)).toBe('unknown');
    expect(await server.probe(3)).toBe(4);
    expect(noted()).toEqual({ tip: 3, found: 3 });
    expect(await answerOf(server, before)).toBe('whole');
    expect(await answerOf(server, at)).toBe('exit 1');
  });

  it('whose beginning was not seen is not taken to begin now', async () => {
    history(3, sibling);
    await using server = await startStartup(node, `postgres: startup recovering ${before}`);
    await server.probe(2);
    expect(noted()).toBeUndefined();
    expect(await answerOf(server, at)).toBe('unknown');
  });

  it('answers although nothing can be noted', async () => {
    node.sandbox.directory('twowarm/state/followed-timeline');
    await using server = await startStartup(node);
    expect(await server.probe(2)).toBe(3);
    expect(await answerOf(server, at)).toBe('whole');
    expect(await answerOf(server, after)).toBe('exit 1');
  });

  it.each(["'current'", "'1'", "'2'"])('is not noted for recovery_target_timeline = %s', async (value) => {
    node.sandbox.file('data/postgresql.conf', `recovery_target_timeline = ${value}\n`);
    await using server = await startStartup(node);
    expect(await server.probe(2)).toBe(3);
    expect(noted()).toBeUndefined();
  });
});

describe('a server under standby.signal', () => {
  it('stays beside a sibling, and goes over to a descendant of its timeline', async () => {
    await using server = await startStartup(node);
    await server.probe(2);
    history(3, sibling);
    expect(await answerOf(server, at)).toBe('whole');
    expect(await server.probe(3)).toBe(4);
    expect(noted()).toEqual({ tip: 2, found: 3 });
    expect(await answerOf(server, at)).toBe('whole');
    expect(await answerOf(server, after)).toBe('exit 1');
    history(4, childOf2);
    expect(await server.probe(4)).toBe(5);
    expect(noted()).toEqual({ tip: 4, found: 4 });
    const second = node.segment(segmentNamed(0x23, 2), {}, 'first');
    expect(await answerOf(server, second)).toBe('exit 1');
    expect(await answerOf(server, at)).toBe('whole');
  });

  it('takes a source that cannot say for one that has no newer history', async () => {
    await using server = await startStartup(node);
    expect(await server.ask('00000002.history')).toBe(0);
    node.configure(waitingToml(node.path, { wait: 'off', sources: ['first', 'nowhere'] }));
    expect(await server.ask('00000003.history')).toBe(1);
    expect(noted()).toEqual({ tip: 2, found: 2 });
  });

  it('whose beginning was not seen is known where there is one line only', async () => {
    await using server = await startStartup(node, `postgres: startup waiting for ${before}`);
    await server.probe(2);
    expect(noted()).toEqual({ tip: 2, found: 2 });
    history(3, sibling);
    await server.probe(3);
    expect(noted()).toEqual({ tip: 2, found: 3 });
  });

  it('asks once for what a history that arrives while it waits means, and then waits on', async () => {
    node.configure(waitingToml(node.path, { sources: ['first'] }));
    const second = segmentNamed(0x22, 2);
    await using server = await startStartup(node);
    await server.probe(2);
    const first = await server.start(second);
    await untilItWaits(first);
    history(3, sibling);
    expect(await first.code).toBe(1);
    expect(await server.probe(3)).toBe(4);
    const again = await server.start(second);
    await untilItWaits(again);
    publish(node, 'first', second);
    expect(await again.code).toBe(0);
  });
});
