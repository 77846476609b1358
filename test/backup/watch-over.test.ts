// What ends a copy while it is under way: the call is told to stop, or the session that the backup lives by is gone.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BackupSession } from '../../src/backup/session.ts';
import { watchOver } from '../../src/backup/watch-over.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const session = (isOpen: () => boolean) => ({ isOpen }) as unknown as BackupSession;

describe('the watch over a backup', () => {
  it('aborts once the connection to the server is lost, and says what to do', () => {
    let isOpen = true;
    const { signal } = watchOver(
      session(() => isOpen),
      new AbortController().signal,
    );
    vi.advanceTimersByTime(1000);
    expect(signal.aborted).toBe(false);
    isOpen = false;
    vi.advanceTimersByTime(250);
    expect(signal.reason).toMatchObject({
      kind: 'server-died',
      message: 'the connection to the server was lost: its backup has ended',
      hint: 'The copy is unusable as it is; call again once the server runs, and it goes on from what is there.',
    });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('aborts with the reason of whoever stops the call, and ends with the backup', () => {
    const stop = new AbortController();
    const watch = watchOver(
      session(() => true),
      stop.signal,
    );
    stop.abort(new Error('told to stop'));
    expect(watch.signal.reason).toEqual(new Error('told to stop'));
    watch.end();
    expect(vi.getTimerCount()).toBe(0);
  });
});
