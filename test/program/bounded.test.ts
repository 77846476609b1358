import { spawnSync } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { closeSync, constants, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as passing } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { bounded } from '../../src/program/bounded.ts';
import { run } from '../harness/run.ts';
import { makeSandbox, type Sandbox } from '../harness/sandbox.ts';
import { faultOf } from './fault.ts';

const neverStopped = new AbortController().signal;
/** What bounded gives a verb to clean up, and what a busy machine may add. */
const graceMs = 1000;
const slackMs = 3000;

const release: (() => void)[] = [];
afterEach(() => {
  for (const each of release.splice(0)) each();
});

/** A verb that hangs in a system call, as on a dead network file system: it opens a FIFO that nobody writes to. */
function hangingVerb(sandbox: Sandbox): () => Promise<void> {
  const fifo = join(sandbox.path, 'fifo');
  expect(spawnSync('mkfifo', [fifo]).status).toBe(0);
  // Opened for reading and writing it does not block, and lets the other side go on.
  release.push(() => closeSync(openSync(fifo, constants.O_RDWR)));
  return async () => (await open(fifo, 'r')).close();
}

describe('a verb with a time limit', () => {
  it('that is done in time is as good as one without', async () => {
    const reason = new Error('its own fault');
    expect(await bounded('do it', 60_000, neverStopped, async () => 'done')).toBe('done');
    await expect(
      bounded('do it', 60_000, neverStopped, async () => {
        throw reason;
      }),
    ).rejects.toBe(reason);
  });

  it('that hangs in a system call is given up within the limit and the grace', async () => {
    await using sandbox = makeSandbox('bounded');
    const started = performance.now();
    const fault = await faultOf(() => bounded('store x at y', 200, neverStopped, hangingVerb(sandbox)));
    const ms = performance.now() - started;
    expect(fault).toEqual({ kind: 'timed-out', message: 'could not store x at y: no answer within 200ms' });
    expect(ms).toBeGreaterThanOrEqual(200 - 2);
    expect(ms).toBeLessThan(200 + graceMs + slackMs);
    release.splice(0).forEach((each) => each());
  });

  it('that listens is awaited, so that it has cleaned up when the call ends', async () => {
    let cleaned = false;
    const verb = async (signal: AbortSignal): Promise<never> => {
      const aborted = Promise.withResolvers<void>();
      signal.addEventListener('abort', () => aborted.resolve());
      await aborted.promise;
      await run('true', []);
      cleaned = true;
      throw signal.reason;
    };
    expect(await faultOf(() => bounded('do it', 50, neverStopped, verb))).toEqual({
      kind: 'timed-out',
      message: 'could not do it: no answer within 50ms',
    });
    expect(cleaned).toBe(true);
  });

  it('that hangs ends with the reason of a stop, within the grace', async () => {
    await using sandbox = makeSandbox('bounded');
    const stop = new AbortController();
    const reason = new Error('stopped by SIGTERM');
    const work = bounded('do it', 60_000, stop.signal, hangingVerb(sandbox));
    const started = performance.now();
    stop.abort(reason);
    await expect(work).rejects.toBe(reason);
    expect(performance.now() - started).toBeLessThan(graceMs + slackMs);
    release.splice(0).forEach((each) => each());
  });

  it('that hangs although the stop came before it ends with its reason too', async () => {
    await using sandbox = makeSandbox('bounded');
    const reason = new Error('stopped by SIGTERM');
    const started = performance.now();
    const work = bounded('do it', 60_000, AbortSignal.abort(reason), hangingVerb(sandbox));
    await expect(work).rejects.toBe(reason);
    expect(performance.now() - started).toBeLessThan(graceMs + slackMs);
    release.splice(0).forEach((each) => each());
  }, 10_000);

  it('is given a signal that has spoken when the stop came before', async () => {
    const reason = new Error('stopped');
    const verb = async (signal: AbortSignal): Promise<void> => signal.throwIfAborted();
    await expect(bounded('do it', 60_000, AbortSignal.abort(reason), verb)).rejects.toBe(reason);
  });

  it('may have a limit of months', async () => {
    const verb = async (signal: AbortSignal): Promise<string> => {
      // Longer than the one millisecond of a timer that overflows; both wait on the same clock.
      await passing(50);
      signal.throwIfAborted();
      return 'done';
    };
    expect(await bounded('do it', 90 * 86_400_000, neverStopped, verb)).toBe('done');
  });

  it('leaves no listener behind', async () => {
    const { signal } = new AbortController();
    for (let n = 0; n < 20; n++) await bounded('do it', 60_000, signal, async () => 'done');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
