// A client that says nothing any more, since its line was cut without a word: the receiver does not stay for good.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { serve } from '../../../src/transport/receiver/session.ts';
import type { Connection } from '../../../src/transport/wire/connection.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const limitMs = 90_000;

describe('a client that is silent', () => {
  it('is given up after a minute and a half, and what it has begun is ended', async () => {
    const never = new Promise<IteratorResult<Buffer>>(() => undefined);
    const silent: Connection = {
      chunks: { [Symbol.asyncIterator]: () => ({ next: () => never }) },
      write: async () => undefined,
    };
    const end = vi.fn(async () => undefined);
    const side = { greetings: {}, verbs: {}, takesData: [], told: (fault: never) => fault, end };
    const serving = serve(silent, side, new AbortController().signal);
    const ended = vi.fn();
    serving.then(ended, ended);
    await vi.advanceTimersByTimeAsync(limitMs - 1);
    expect(ended).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await expect(serving).rejects.toMatchObject({
      kind: 'timed-out',
      message: 'nothing came, or went on, for too long',
    });
    expect(end).toHaveBeenCalledOnce();
  });
});
