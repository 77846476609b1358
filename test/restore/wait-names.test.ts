// Which name of a segment is waited for: never one while the server could be served another, and never one of a
// timeline that the server should leave (trap T11). The server asks for the newest timeline's name first.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { NodeFixture } from '../harness/node-fixture.ts';
import { inTurn, placeOf } from '../harness/share.ts';
import {
  answered,
  makeWaitingNode,
  place,
  publish,
  resetWaitingNode,
  restored,
  startRestore,
  startWaiting,
  untilItWaits,
  waitingToml,
  waitsOrEnds,
} from '../harness/waiting.ts';
import { historyText, segmentNamed } from '../harness/wal-files.ts';

const number = 0x21;
const [first, second, third] = [1, 2, 3].map((timeline) => segmentNamed(number, timeline)) as [
  string,
  string,
  string,
];
/** Of segment 0x21: a byte in the middle, its start, its end, the segment after and before. */
const forks = {
  within: '0/2180028',
  start: '0/2100000',
  end: '0/2200000',
  later: '0/2380028',
  earlier: '0/1F00028',
};

let node: NodeFixture;
beforeAll(async () => {
  node = await makeWaitingNode('wait-names');
});
beforeEach(() => resetWaitingNode(node));
afterAll(() => node[Symbol.asyncDispose]());

const history = (timeline: number, text: string, directory: string): void =>
  void node.sandbox.file(`${directory}/0000000${timeline}.history`, text);
const warm = (): void => {
  node.mode('recovery');
  node.configure(waitingToml(node.path, { wait: 'warm' }));
};

/** Whether a call for this name waits; otherwise it answers 1 at once, with nothing to say. */
async function waits(name: string): Promise<boolean> {
  const call = startRestore(node, name);
  if ((await waitsOrEnds(call)) === 'waits') {
    call.kill('SIGTERM');
    expect((await call.ended()).stderr).toBe('');
    return true;
  }
  expect(await call.ended()).toEqual(answered(1));
  return false;
}

describe.each(['standby', 'recovery'] as const)('timeline 2’s name of a segment, under %s', (mode) => {
  const its = inTurn(2, placeOf[mode]);
  beforeEach(() => {
    if (mode === 'recovery') warm();
  });

  its.each([
    ['within', true],
    ['start', false],
    ['end', true],
    ['later', true],
    ['earlier', false],
  ] as const)(
    'while timeline 1’s is there, and the fork is %s: answered at once %s',
    async (fork, atOnce) => {
      history(2, historyText(forks[fork]), 'data/pg_wal');
      publish(node, 'second', first);
      expect(await waits(second)).toBe(!atOnce);
    },
  );

  its.each([
    ['within', true],
    ['start', true],
    ['end', false],
    ['later', false],
    ['earlier', true],
  ] as const)('while no name is there, and the fork is %s: waited for %s', async (fork, expected) => {
    history(2, historyText(forks[fork]), 'data/pg_wal');
    expect(await waits(second)).toBe(expected);
  });

  its('is waited for until timeline 1’s comes, which holds the start of it', async () => {
    history(2, historyText(forks.within), 'data/pg_wal');
    const call = await startWaiting(node, second);
    publish(node, 'second', first);
    expect(await call.ended()).toEqual(answered(1, '', [`created second/${first}`]));
  });

  its('is waited for although orphans of timeline 1 come', async () => {
    history(2, historyText(forks.start), 'data/pg_wal');
    const call = await startWaiting(node, second);
    publish(node, 'second', first);
    await untilItWaits(call);
    publish(node, 'first', second);
    expect(await call.ended()).toEqual(restored(`created first/${second}`, `created second/${first}`));
  });
});

describe('timeline 1’s name of a segment, under standby', () => {
  const its = inTurn(2);
  its.each(Object.entries(forks))(
    'is not waited for while a source has a new history: %s',
    async (_, fork) => {
      history(2, historyText(fork), 'second');
      expect(await waits(first)).toBe(false);
    },
  );

  its.each([
    ['within', false],
    ['start', false],
    ['end', true],
    ['later', true],
    ['earlier', false],
  ] as const)('while the server follows timeline 2 from %s: waited for %s', async (fork, expected) => {
    for (const directory of ['data/pg_wal', 'second']) history(2, historyText(forks[fork]), directory);
    expect(await waits(first)).toBe(expected);
  });

  its.each(['first', 'second'])(
    'is given up when a new history comes to the %s source',
    async (directory) => {
      const call = await startWaiting(node, first);
      place(node, `${directory}/00000002.history`, historyText(forks.later));
      expect(await call.ended()).toEqual(answered(1, '', [`created ${directory}/00000002.history`]));
    },
  );

  it('is not given up for a history that the server would not find', async () => {
    const call = await startWaiting(node, first);
    place(node, 'first/00000005.history', historyText(forks.later));
    await untilItWaits(call);
    publish(node, 'first', first);
    expect(await call.ended()).toEqual(restored('created first/00000005.history', `created first/${first}`));
  });

  it('is waited for when recovery stays on it', async () => {
    place(node, 'data/postgresql.conf', "recovery_prefetch = off\nrecovery_target_timeline = 'current'\n");
    history(2, historyText(forks.earlier), 'first');
    expect(await waits(first)).toBe(true);
  });

  it('is waited for before 12, where recovery stays on it by default', async () => {
    node.sandbox.file('data/PG_VERSION', '11\n');
    node.mode('none');
    node.sandbox.file('data/recovery.conf', 'standby_mode = on\n');
    history(2, historyText(forks.earlier), 'first');
    expect(await waits(first)).toBe(true);
  });
});

describe('timeline 1’s name of a segment, under recovery with wait = warm', () => {
  beforeEach(warm);

  it('is waited for although a new history comes: the server has chosen its line', async () => {
    const call = await startWaiting(node, first);
    place(node, 'first/00000002.history', historyText(forks.later));
    await untilItWaits(call);
    publish(node, 'first', first);
    expect(await call.ended()).toEqual(restored('created first/00000002.history', `created first/${first}`));
  });
});

describe('three timelines', () => {
  const threeLines = (one: string, two: string): string => `${historyText(one)}2\t${two}\tx\n`;

  it.each<[string, boolean, string]>([
    ['the first', true, first],
    ['the second', false, second],
  ])('the third’s name is waited for while %s’s is there: %s', async (_, expected, there) => {
    history(2, historyText(forks.earlier), 'data/pg_wal');
    history(3, threeLines(forks.earlier, forks.within), 'data/pg_wal');
    publish(node, 'first', there);
    expect(await waits(third)).toBe(expected);
  });

  it('all within one segment: the newest is waited for until any of the others comes', async () => {
    history(3, threeLines('0/2110000', '0/2120000'), 'data/pg_wal');
    const call = await startWaiting(node, third);
    publish(node, 'first', first);
    expect((await call.ended()).code).toBe(1);
  });
});

describe('two timelines that both left timeline 1', () => {
  it('the one that the server is on is waited for', async () => {
    history(2, historyText(forks.earlier), 'data/pg_wal');
    history(3, historyText(forks.earlier), 'second');
    expect(await waits(second)).toBe(true);
  });
});
