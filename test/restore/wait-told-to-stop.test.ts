// What tells a waiting restoreWALFile to stop: the trigger file in all its forms, and the requests for promotion that
// PostgreSQL itself would only notice after the call.
import { mkdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { NodeFixture } from '../harness/node-fixture.ts';
import { inTurn, placeOf } from '../harness/share.ts';
import {
  answered,
  makeWaitingNode,
  place,
  publish,
  report,
  resetWaitingNode,
  restored,
  startRestore,
  startWaiting,
  toldBy,
  untilItWaits,
  waitingToml,
} from '../harness/waiting.ts';
import { historyText, segmentNamed } from '../harness/wal-files.ts';

const name = segmentNamed(0x21);

let node: NodeFixture;
let trigger: string;
beforeAll(async () => {
  node = await makeWaitingNode('wait-told');
  trigger = node.path('twowarm/trigger');
});
beforeEach(() => resetWaitingNode(node));
afterAll(() => node[Symbol.asyncDispose]());

const pull = (content: string, mode = 0o600): void => place(node, 'twowarm/trigger', content, mode);

const modes = ['standby', 'recovery'] as const;
const enter = (mode: (typeof modes)[number]): void => {
  node.mode(mode);
  if (mode === 'recovery') node.configure(waitingToml(node.path, { wait: 'warm' }));
};

describe.each(modes)('the trigger file under %s', (mode) => {
  const its = inTurn(2, placeOf[mode]);
  beforeEach(() => enter(mode));
  const told = (how: 'smart' | 'fast'): string => toldBy(trigger, how, mode === 'standby');

  // What can be in it is trigger.test.ts.
  its.each(mode === 'standby' ? ['', 'smart', 'SMART\n'] : ['smart\n'])(
    'ends a wait, smart: %j',
    async (content) => {
      const call = await startWaiting(node, name);
      pull(content);
      expect(await call.ended()).toEqual(answered(1, told('smart'), ['created twowarm/trigger']));
    },
  );

  its.each(['fast\n'])('ends a wait, fast: %j', async (content) => {
    const call = await startWaiting(node, name);
    pull(content);
    expect(await call.ended()).toEqual(answered(1, told('fast'), ['created twowarm/trigger']));
  });

  its('is believed to be fast when it is made empty and gets its word a moment later', async () => {
    const call = await startWaiting(node, name);
    pull('');
    // The gap between a shell's opening of the file and the write, made long.
    await sleep(30);
    writeFileSync(trigger, 'fast\n');
    expect(await call.ended()).toEqual(answered(1, told('fast'), ['created twowarm/trigger']));
  });

  its('smart, lets a segment that is there through, and ends at the first one that is not', async () => {
    pull('smart\n');
    node.segment(name, {}, 'first');
    expect(await startRestore(node, name).ended()).toEqual(restored());
    unlinkSync(node.path('data/pg_wal/RECOVERYXLOG'));
    expect(await startRestore(node, segmentNamed(0x22)).ended()).toEqual(answered(1, told('smart')));
  });

  its('fast, answers also a segment that is there with 1', async () => {
    pull('fast\n');
    node.segment(name, {}, 'first');
    expect(await startRestore(node, name).ended()).toEqual(answered(1, told('fast')));
  });

  its.each(['smart', 'fast'])('%s, says nothing about history files', async (word) => {
    pull(word);
    node.sandbox.file('second/00000002.history', historyText());
    expect(await startRestore(node, '00000002.history').ended()).toEqual(restored());
    expect(await startRestore(node, '00000003.history').ended()).toEqual(answered(1));
  });
});

/** What is no trigger: what makes it, why. */
const wrong: [string, () => void, string][] = [
  ['another word', () => pull('failover\n'), 'its content is neither "smart" nor "fast"'],
  ['too long', () => pull(`${' '.repeat(5000)}fast`), 'its content is neither "smart" nor "fast"'],
  ['a directory', () => mkdirSync(trigger), 'it is not a regular file'],
  ['a FIFO', () => spawnSync('mkfifo', [trigger]), 'it is not a regular file'],
];

describe('a file in the place of the trigger file that is none', () => {
  const its = inTurn(2);
  const warning = (reason: string): string =>
    report(
      'WARNING',
      `ignored the trigger file ${trigger}: ${reason}`,
      'HINT:  Write "smart" or "fast" into it, or remove it.',
    );

  its.each(wrong)('is warned of once, and put right: %s', async (_, make, reason) => {
    const call = await startWaiting(node, name);
    make();
    await untilItWaits(call);
    // A look for another reason says it no more.
    place(node, `first/${name}.partial`, '');
    await untilItWaits(call);
    rmSync(trigger, { recursive: true });
    pull('fast');
    const { changed, ...ending } = await call.ended();
    expect(changed).toEqual([`created first/${name}.partial`, 'created twowarm/trigger']);
    expect({ ...ending, changed: [] }).toEqual(answered(1, warning(reason) + toldBy(trigger, 'fast', true)));
  });

  it('that may not be read is warned of, once for all calls', async () => {
    pull('fast', 0);
    node.segment(name, {}, 'first');
    const first = await startRestore(node, name).ended();
    expect(first).toEqual({ ...restored(), stderr: warning('it cannot be read (EACCES)') });
    unlinkSync(node.path('data/pg_wal/RECOVERYXLOG'));
    expect(await startRestore(node, name).ended()).toEqual(restored());
  });
});

/** What PostgreSQL takes for a request: the file, and what has to be set for it. */
const promotions: [string, string, () => void][] = [
  ['./promote', 'data/promote', () => undefined],
  [
    './fallback_promote up to 12',
    'data/fallback_promote',
    () => void node.sandbox.file('data/PG_VERSION', '12\n'),
  ],
  [
    'promote_trigger_file in postgresql.conf',
    'elsewhere/now',
    () => {
      const setting = `recovery_prefetch = off\npromote_trigger_file = '${node.path('elsewhere/now')}'\n`;
      node.sandbox.file('data/postgresql.conf', setting);
    },
  ],
  [
    'a relative promote_trigger_file',
    'data/now',
    () =>
      void node.sandbox.file(
        'data/postgresql.conf',
        "recovery_prefetch = off\npromote_trigger_file = 'now'\n",
      ),
  ],
  [
    'trigger_file in recovery.conf before 12',
    'elsewhere/now',
    () => {
      node.sandbox.file('data/PG_VERSION', '11\n');
      node.mode('none');
      const setting = `standby_mode = on\ntrigger_file = '${node.path('elsewhere/now')}'\n`;
      node.sandbox.file('data/recovery.conf', setting);
    },
  ],
];

describe('a triggerStandby at work', () => {
  it('promotes the standby itself, so nothing has to be said about that', async () => {
    const call = await startWaiting(node, name);
    place(node, 'twowarm/state/trigger.lock', '');
    pull('fast');
    const created = ['created twowarm/state/trigger.lock', 'created twowarm/trigger'];
    expect(await call.ended()).toEqual(answered(1, toldBy(trigger, 'fast'), created));
  });
});

describe('a request for promotion', () => {
  const its = inTurn(2);
  its.each(promotions)('ends a wait: %s', async (_, file, prepare) => {
    prepare();
    const call = await startWaiting(node, name);
    place(node, file, '');
    expect(await call.ended()).toEqual(answered(1, toldBy(node.path(file)), [`created ${file}`]));
  });

  it('ends a wait under recovery', async () => {
    enter('recovery');
    const call = await startWaiting(node, name);
    place(node, 'data/promote', '');
    expect(await call.ended()).toEqual(
      answered(1, toldBy(node.path('data/promote')), ['created data/promote']),
    );
  });

  it('does not keep a segment back that is there', async () => {
    const call = await startWaiting(node, name);
    publish(node, 'second', name);
    place(node, 'data/promote', '');
    const ending = await call.ended();
    expect(ending).toEqual(restored('created data/promote', `created second/${name}`));
  });

  it('with a source that is out of reach ends by the limit, as unknown', async () => {
    rmSync(node.path('second'), { recursive: true });
    node.sandbox.file('data/promote', '');
    const missing = report(
      'ERROR',
      `could not restore ${name}: the archive directory ${node.path('second')} does not exist`,
      'HINT:  If it is a mount, mount it. No program creates it: make a new one with mode 0700 as the owner of the data directory.',
    );
    expect(await startRestore(node, name).ended()).toEqual(answered(1, missing));
  });
});

describe('where nothing waits', () => {
  const its = inTurn(2);
  its.each([
    ['none', 'auto'],
    ['none', 'warm'],
    ['recovery', 'auto'],
    ['recovery', 'off'],
  ] as const)('under %s with wait = %j the trigger file means nothing', async (mode, wait) => {
    node.mode(mode);
    node.configure(waitingToml(node.path, { wait }));
    node.segment(name, {}, 'first');
    for (const word of ['fast', 'smart', 'nonsense']) {
      pull(word);
      expect(await startRestore(node, name).ended()).toEqual(restored());
      rmSync(node.path('data/pg_wal/RECOVERYXLOG'));
      expect(await startRestore(node, segmentNamed(0x22)).ended()).toEqual(answered(1));
    }
  });
});

describe('a trigger in the first moments of a call', () => {
  it('is heard whenever it comes', async () => {
    // The watch needs some milliseconds to begin: what comes meanwhile must not be slept through.
    for (let pauseMs = 40; pauseMs <= 130; pauseMs += 10) {
      const call = startRestore(node, name);
      await sleep(pauseMs);
      pull('smart');
      const startedMs = performance.now();
      expect((await call.ended()).code).toBe(1);
      expect(performance.now() - startedMs).toBeLessThan(5000);
      rmSync(trigger);
    }
  });
});
