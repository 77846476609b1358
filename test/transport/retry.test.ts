import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { errorKinds, type ErrorKindName } from '../../src/program/error-kinds.ts';
import { ProgramError } from '../../src/program/program-error.ts';
import { openDestination } from '../../src/transport/open.ts';
import { retrying, withRetry, type RetryLimits } from '../../src/transport/retry.ts';
import type { GapRecord } from '../../src/program/gap-record.ts';
import type { Inspect, Transport } from '../../src/transport/transport.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { acceptAll, makeNode, neverStopped, patterned } from './archives.ts';
import { faultyRoad, type FaultyRoad } from './faulty-road.ts';

const quick: RetryLimits = { retries: 3, firstPauseMs: 1, longestPauseMs: 2, withinMs: 30_000 };
const segment = '000000010000000000000005';
const gap: GapRecord = { name: segment, reason: 'discarded', at: '2024-05-06T07:08:09.000Z', node: 'db1' };
const mayPass = (n: number): ProgramError =>
  new ProgramError('input-output', `fault ${n}: Input/output error`);
const kindsThat = (retryable: boolean): ErrorKindName[] =>
  (Object.keys(errorKinds) as ErrorKindName[]).filter((kind) => errorKinds[kind].retryable === retryable);

async function openRoad(sandbox: Sandbox): Promise<Transport> {
  return openDestination(`file:${sandbox.directory('archive')}`, makeNode(sandbox));
}

const verbsOf = ({ calls }: FaultyRoad): string[] => calls.map(({ verb }) => verb);

describe('a road with retries', () => {
  it.each(kindsThat(true))('goes on after faults of the kind %s', async (kind) => {
    await using sandbox = makeSandbox('retry');
    const faults = [1, 2, 3].map((n) => new ProgramError(kind, `fault ${n}`));
    const faulty = faultyRoad(await openRoad(sandbox), faults);
    expect(await withRetry(faulty, quick).stat(segment, neverStopped)).toBe('missing');
    expect(verbsOf(faulty)).toEqual(['stat', 'stat', 'stat', 'stat']);
  });

  it.each(kindsThat(false))('stops at the first fault of the kind %s', async (kind) => {
    await using sandbox = makeSandbox('retry');
    const fault = new ProgramError(kind, 'for good');
    const faulty = faultyRoad(await openRoad(sandbox), [fault]);
    await expect(withRetry(faulty, quick).stat(segment, neverStopped)).rejects.toBe(fault);
    expect(verbsOf(faulty)).toEqual(['stat']);
  });

  it('stops at the first fault that will not pass, after some that might have', async () => {
    await using sandbox = makeSandbox('retry');
    const last = new ProgramError('no-space', 'for good');
    const faulty = faultyRoad(await openRoad(sandbox), [mayPass(1), mayPass(2), last]);
    await expect(withRetry(faulty, quick).stat(segment, neverStopped)).rejects.toBe(last);
    expect(verbsOf(faulty)).toHaveLength(3);
  });

  it.each([new Error('a bug'), new TypeError('another')])('does not repeat a bug (%s)', async (bug) => {
    await using sandbox = makeSandbox('retry');
    const faulty = faultyRoad(await openRoad(sandbox), [bug]);
    await expect(withRetry(faulty, quick).list(neverStopped)).rejects.toBe(bug);
    expect(verbsOf(faulty)).toEqual(['list']);
  });

  it.each([0, 1, 2, 5])('tries again %i times at most, and throws the last fault', async (retries) => {
    await using sandbox = makeSandbox('retry');
    const faults = [1, 2, 3, 4, 5, 6, 7].map(mayPass);
    const faulty = faultyRoad(await openRoad(sandbox), faults);
    const list = withRetry(faulty, { ...quick, retries }).list(neverStopped);
    await expect(list).rejects.toBe(faults[retries]);
    expect(verbsOf(faulty)).toHaveLength(retries + 1);
  });

  it('repeats every verb with its arguments, and has the promises and the URL of the road', async () => {
    await using sandbox = makeSandbox('retry');
    const road = await openRoad(sandbox);
    const source = sandbox.file('source', patterned(1000, 1));
    const target = join(sandbox.path, 'fetched');
    const once = (): [Transport, FaultyRoad] => {
      const faulty = faultyRoad(road, [mayPass(1)]);
      return [withRetry(faulty, quick), faulty];
    };
    const verbs: [string, (road: Transport) => Promise<unknown>, unknown][] = [
      ['put', (by) => by.put(segment, source, acceptAll, neverStopped), 'stored'],
      ['stat', (by) => by.stat(segment, neverStopped), { sizeBytes: 1000 }],
      ['list', (by) => by.list(neverStopped), [segment]],
      ['get', (by) => by.get(segment, target, acceptAll, neverStopped), 'fetched'],
      ['recordGap', (by) => by.recordGap(gap, neverStopped), undefined],
      ['gapOf', (by) => by.gapOf(segment, neverStopped), gap],
      ['remove', (by) => by.remove(segment, neverStopped), 'removed'],
    ];
    for (const [verb, call, expected] of verbs) {
      const [by, faulty] = once();
      expect([verb, await call(by)]).toEqual([verb, expected]);
      expect(verbsOf(faulty)).toEqual([verb, verb]);
    }
    expect(readFileSync(target).equals(patterned(1000, 1))).toBe(true);
    expect(await road.stat(segment, neverStopped)).toBe('missing');
    expect(once()[0]).toMatchObject({ url: road.url, promises: road.promises });
  });

  it('closes once, also when that fails', async () => {
    await using sandbox = makeSandbox('retry');
    const fault = mayPass(1);
    const faulty = faultyRoad(await openRoad(sandbox), [fault]);
    await expect(withRetry(faulty, quick).close()).rejects.toBe(fault);
    expect(verbsOf(faulty)).toEqual(['close']);
  });

  it('stores and fetches whole files after transfers that broke in the middle', async () => {
    await using sandbox = makeSandbox('retry');
    const road = withRetry(await openRoad(sandbox), quick);
    const bytes = patterned(3 * 1024 * 1024, 1);
    const source = sandbox.file('source', bytes);
    expect(await road.put(segment, source, breakingTwice(), neverStopped)).toBe('stored');
    const target = join(sandbox.directory('room'), 'fetched');
    expect(await road.get(segment, target, breakingTwice(), neverStopped)).toBe('fetched');
    expect(readFileSync(target).equals(bytes)).toBe(true);
  });
});

/** The second chunk of the first transfer and the end of the second one fail. */
function breakingTwice(): () => Inspect {
  let transfers = 0;
  return () => {
    transfers += 1;
    const transfer = transfers;
    let chunks = 0;
    return {
      add: () => {
        chunks += 1;
        if (transfer === 1 && chunks === 2) throw mayPass(1);
      },
      end: () => {
        if (transfer === 2) throw mayPass(2);
      },
    };
  };
}

describe('the pauses between attempts', () => {
  it('double up to the longest', async () => {
    const starts = await startsOf({ retries: 4, firstPauseMs: 20, longestPauseMs: 60, withinMs: 30_000 });
    const pauses = starts.slice(1).map((at, index) => at - starts[index]!);
    expect(pauses).toHaveLength(4);
    // A timer may be late on a busy machine, never early.
    [20, 40, 60, 60].forEach((least, index) => expect(pauses[index]).toBeGreaterThanOrEqual(least - 1.5));
  });

  it.each([
    ['after many attempts', { retries: 1000, firstPauseMs: 50, longestPauseMs: 100, withinMs: 500 }],
    ['with a long first pause', { retries: 1000, firstPauseMs: 400, longestPauseMs: 400, withinMs: 500 }],
    [
      'with a first pause beyond it',
      { retries: 1000, firstPauseMs: 5000, longestPauseMs: 9000, withinMs: 500 },
    ],
  ])('let no attempt start after the limit: %s', async (_, limits) => {
    const starts = await startsOf(limits);
    expect(starts.at(-1)! - starts[0]!).toBeLessThan(limits.withinMs + 300);
  });

  it('do not begin after a first attempt that has used the time up', async () => {
    const limits = { retries: 5, firstPauseMs: 1, longestPauseMs: 1, withinMs: 100 };
    expect(await startsOf(limits, 110)).toHaveLength(1);
  });

  it('leave no time to attempts that would start late, counted from the start of the first', async () => {
    const limits = { retries: 1000, firstPauseMs: 1, longestPauseMs: 1, withinMs: 400 };
    const starts = await startsOf(limits, 150);
    // At 0, 150 and 300 ms; a busy machine may manage fewer, a limit counted from the first failure has one more.
    expect(starts.length).toBeGreaterThan(1);
    expect(starts.length).toBeLessThanOrEqual(3);
  });

  it('are none, without a warning of Node, when the time runs out between two looks at it', async () => {
    const warnings: string[] = [];
    const heard = ({ name }: Error): void => void warnings.push(name);
    process.on('warning', heard);
    // The start, the judgement, and then the look at what is left.
    const now = vi.spyOn(performance, 'now');
    for (const at of [0, 99, 150]) now.mockReturnValueOnce(at);
    let attempts = 0;
    const attempt = async (): Promise<string> => {
      attempts += 1;
      if (attempts === 1) throw mayPass(1);
      return 'passed';
    };
    expect(await retrying({ ...quick, withinMs: 100 }, neverStopped, attempt)).toBe('passed');
    now.mockRestore();
    await pause(10);
    process.off('warning', heard);
    expect(warnings).toEqual([]);
  });

  it('end at once when the signal speaks, with its reason', async () => {
    const controller = new AbortController();
    const reason = new Error('stopped by SIGTERM');
    let attempts = 0;
    const limits = { retries: 5, firstPauseMs: 50_000, longestPauseMs: 50_000, withinMs: 100_000 };
    const attempt = async (): Promise<never> => {
      attempts += 1;
      setImmediate(() => controller.abort(reason));
      throw mayPass(attempts);
    };
    await expect(retrying(limits, controller.signal, attempt)).rejects.toBe(reason);
    expect(attempts).toBe(1);
  });

  it('do not begin when the signal spoke during the attempt', async () => {
    const fault = mayPass(1);
    const controller = new AbortController();
    let attempts = 0;
    const attempt = async (): Promise<never> => {
      attempts += 1;
      controller.abort(new Error('stopped'));
      throw fault;
    };
    await expect(retrying(quick, controller.signal, attempt)).rejects.toBe(fault);
    expect(attempts).toBe(1);
  });
});

/** When each attempt of a call that always fails, after as long as it takes, began, in ms. */
async function startsOf(limits: RetryLimits, takesMs = 0): Promise<number[]> {
  const starts: number[] = [];
  const attempt = async (): Promise<never> => {
    starts.push(performance.now());
    await pause(takesMs);
    throw mayPass(starts.length);
  };
  await expect(retrying(limits, neverStopped, attempt)).rejects.toMatchObject({ kind: 'input-output' });
  return starts;
}

it('who calls says what is worth retrying', async () => {
  let attempts = 0;
  const attempt = async (): Promise<string> => {
    attempts += 1;
    if (attempts < 3) throw new ProgramError('directory-missing', 'not mounted yet');
    return 'mounted';
  };
  expect(await retrying(quick, neverStopped, attempt, () => true)).toBe('mounted');
});
