// A wait for a segment that nobody can know of: a standby's ends by its limit, a warm standby's goes on until somebody
// ends it, and says why.
import { chmodSync, renameSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { NodeFixture } from '../harness/node-fixture.ts';
import { inTurn } from '../harness/share.ts';
import {
  answered,
  makeArchive,
  makeWaitingNode,
  place,
  publish,
  report,
  resetWaitingNode,
  restored,
  startRestore,
  startWaiting,
  toldBy,
  untilItIsIdle,
  untilItWaits,
  waitingToml,
} from '../harness/waiting.ts';
import { historyText, segmentNamed } from '../harness/wal-files.ts';

const name = segmentNamed(0x21);
const hint =
  'HINT:  If it is a mount, mount it. No program creates it: make a new one with mode 0700 as the owner of the data directory.';

let node: NodeFixture;
beforeAll(async () => {
  node = await makeWaitingNode('wait-unknown');
});
beforeEach(() => resetWaitingNode(node));
afterAll(() => node[Symbol.asyncDispose]());

const missing = (level: 'ERROR' | 'WARNING', directory: string): string =>
  level === 'ERROR'
    ? report(
        'ERROR',
        `could not restore ${name}: the archive directory ${node.path(directory)} does not exist`,
        hint,
      )
    : report(
        'WARNING',
        `still waiting for ${name}: the archive directory ${node.path(directory)} does not exist`,
        hint,
      );
const away = (directory: string): void => renameSync(node.path(directory), node.path(`staging/${directory}`));
const back = (directory: string): void => renameSync(node.path(`staging/${directory}`), node.path(directory));
const warm = (): void => {
  node.mode('recovery');
  node.configure(waitingToml(node.path, { wait: 'warm' }));
};

describe('under standby', () => {
  const its = inTurn(2);
  its.each(['first', 'second'])(
    'a call ends by the limit with an error: the %s source is gone',
    async (gone) => {
      rmSync(node.path(gone), { recursive: true });
      expect(await startRestore(node, name).ended()).toEqual(answered(1, missing('ERROR', gone)));
    },
  );

  it('a wait ends by the limit once a source is gone', async () => {
    const call = await startWaiting(node, name);
    rmSync(node.path('second'), { recursive: true });
    const { changed, ...ending } = await call.ended();
    expect(changed).toContain('removed second');
    expect({ ...ending, changed: [] }).toEqual(answered(1, missing('ERROR', 'second')));
  });

  describe('with the trigger file saying smart', () => {
    beforeEach(() => {
      place(node, 'twowarm/trigger', 'smart\n');
      away('second');
    });
    const told = (): string => toldBy(node.path('twowarm/trigger'), 'smart', true);

    it('it waits on and says so once, until the source is there and lacks it', async () => {
      const call = await startWaiting(node, name);
      place(node, `first/${name}.partial`, '');
      await untilItWaits(call);
      back('second');
      const { stderr, code } = await call.ended();
      expect({ stderr, code }).toEqual({ code: 1, stderr: missing('WARNING', 'second') + told() });
    });

    it('it waits on until the source is there and has it', async () => {
      const call = await startWaiting(node, name);
      publish(node, 'staging/second', name);
      back('second');
      const { stderr, code } = await call.ended();
      expect({ stderr, code }).toEqual({ code: 0, stderr: missing('WARNING', 'second') });
    });

    it('fast ends it', async () => {
      const call = await startWaiting(node, name);
      place(node, 'twowarm/trigger', 'fast\n');
      expect(await call.ended()).toEqual(
        answered(1, missing('WARNING', 'second') + toldBy(node.path('twowarm/trigger'), 'fast', true), [
          'changed twowarm/trigger',
        ]),
      );
    });

    it('it ends by the limit when the trigger file is taken back', async () => {
      const call = await startWaiting(node, name);
      rmSync(node.path('twowarm/trigger'));
      expect(await call.ended()).toEqual(
        answered(1, missing('WARNING', 'second') + missing('ERROR', 'second'), ['removed twowarm/trigger']),
      );
    });
  });
});

describe('under recovery with wait = warm', () => {
  const its = inTurn(2);
  beforeEach(warm);

  its.each([['first'], ['second']])(
    'a source that is missing is waited for, with one line: %s',
    async (gone) => {
      away(gone);
      const call = await startWaiting(node, name);
      place(node, `${gone === 'first' ? 'second' : 'first'}/${name}.partial`, '');
      await untilItWaits(call);
      publish(node, `staging/${gone}`, name);
      back(gone);
      const { stderr, code } = await call.ended();
      expect({ stderr, code }).toEqual({ code: 0, stderr: missing('WARNING', gone) });
    },
  );

  it('both sources missing are waited for', async () => {
    away('first');
    away('second');
    const call = await startWaiting(node, name);
    publish(node, 'staging/second', name);
    back('first');
    back('second');
    const { stderr, code } = await call.ended();
    const second = report(
      'WARNING',
      `could not restore ${name}: the archive directory ${node.path('second')} does not exist`,
      hint,
    );
    expect({ stderr, code }).toEqual({ code: 0, stderr: second + missing('WARNING', 'first') });
  });

  it('a source that goes away during the wait, and comes back with the segment, serves it', async () => {
    const call = await startWaiting(node, name);
    away('second');
    publish(node, 'staging/second', name);
    back('second');
    expect((await call.ended()).code).toBe(0);
  });

  it('a directory that is empty and was never an archive is waited for', async () => {
    node.configure(waitingToml(node.path, { wait: 'warm', sources: ['elsewhere'] }));
    const call = await startWaiting(node, name);
    publish(node, 'elsewhere', name);
    const said = report(
      'WARNING',
      `still waiting for ${name}: the source file:${node.path('elsewhere')} is empty and was never an archive`,
      `HINT:  Mount it, or correct restore.sources in ${node.path('twowarm/twowarm.toml')}.`,
    );
    expect(await call.ended()).toEqual({ ...restored(`created elsewhere/${name}`), stderr: said });
  });

  it('a source that is closed is waited for until it opens', async () => {
    publish(node, 'second', name);
    chmodSync(node.path(`second/${name}`), 0);
    const call = await startWaiting(node, name);
    chmodSync(node.path(`second/${name}`), 0o600);
    const { stderr, code } = await call.ended();
    const closed = `still waiting for ${name}: could not read ${name} at file:${node.path('second')}: Permission denied`;
    expect({ stderr, code }).toEqual({ code: 0, stderr: report('WARNING', closed) });
  });

  it('a trigger fast ends it, smart does not', async () => {
    away('first');
    const call = await startWaiting(node, name);
    place(node, 'twowarm/trigger', 'smart');
    await untilItWaits(call);
    place(node, 'twowarm/trigger', 'fast');
    const stderr = missing('WARNING', 'first') + toldBy(node.path('twowarm/trigger'), 'fast');
    expect(await call.ended()).toEqual(answered(1, stderr, ['created twowarm/trigger']));
  });
});

describe('what is in the way of a warm standby', () => {
  beforeEach(warm);

  it('may be our own disk: the segment is delivered soon after it has gone', async () => {
    publish(node, 'first', name);
    chmodSync(node.path('data/pg_wal'), 0o500);
    const call = await startWaiting(node, name);
    const startedMs = performance.now();
    chmodSync(node.path('data/pg_wal'), 0o700);
    const { stderr, code } = await call.ended();
    const closed = `still waiting for ${name}: could not create a file in ${node.path('data/pg_wal')}: Permission denied`;
    expect({ stderr, code }).toEqual({ code: 0, stderr: report('WARNING', closed) });
    expect(performance.now() - startedMs).toBeLessThan(5000);
  });

  it('may be a history that is still being copied: it does not end the recovery', async () => {
    const second = segmentNamed(0x21, 2);
    node.sandbox.file('first/00000002.history', '1\t0/21');
    const call = await startWaiting(node, second);
    place(node, 'first/00000002.history', historyText('0/2100000'));
    await untilItWaits(call);
    publish(node, 'first', second);
    const { stderr, code } = await call.ended();
    expect(code).toBe(0);
    expect(stderr.match(/(?:WARNING|LOG|ERROR): .*/g)).toEqual([
      `WARNING:  still waiting for ${second}: will not read 00000002.history at file:${node.path('first')}: it is not what its name says`,
    ]);
  });
});

describe('where the system has no more watches', () => {
  const its = inTurn(2);
  const without = (call: string, error: string): string =>
    `exec strace -D -f -qqq -o /dev/null -e trace=${call} -e inject=${call}:error=${error}`;

  its.each([
    ['inotify_add_watch', 'ENOSPC'],
    ['inotify_init1', 'EMFILE'],
  ])('the clock finds the segment and the trigger: %s', async (refused, error) => {
    for (const [bring, code] of [
      [() => publish(node, 'second', name), 0],
      [() => place(node, 'twowarm/trigger', 'fast'), 1],
    ] as const) {
      const call = startRestore(node, segmentNamed(code === 0 ? 0x21 : 0x22), without(refused, error));
      await untilItIsIdle(call);
      const startedMs = performance.now();
      bring();
      expect((await call.ended()).code).toBe(code);
      expect(performance.now() - startedMs).toBeLessThan(5000);
    }
  });
});

describe('under recovery without it', () => {
  it.each(['auto', 'off'] as const)('wait = %j answers 200 within the limit', async (wait) => {
    node.mode('recovery');
    node.configure(waitingToml(node.path, { wait }));
    place(node, 'twowarm/trigger', 'smart');
    rmSync(node.path('first'), { recursive: true });
    expect(await startRestore(node, name).ended()).toEqual(answered(200, missing('ERROR', 'first')));
    makeArchive(node, 'first');
  });
});
