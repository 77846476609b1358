// How far a copy is, in figures, words and as a bar; by a clock that stands still unless it is told to go on.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Pace } from '../../src/backup/pace.ts';
import { megabytes } from '../../src/program/megabytes.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => vi.useRealTimers());

const after = (ms: number): void => void vi.advanceTimersByTime(ms);

function started(totalBytes?: number): Pace {
  const pace = new Pace();
  pace.totalBytes = totalBytes;
  pace.start();
  return pace;
}

describe('the pace of a copy', () => {
  it('says bytes, rate and the time that is left', () => {
    const pace = started(1_121_000_000);
    after(1000);
    pace.add(380_000_000);
    expect(pace.figures()).toEqual({
      ...{ bytes: 380_000_000, totalBytes: 1_121_000_000, bytesPerSecond: 380_000_000, secondsLeft: 2 },
    });
    expect(pace.words()).toBe('380.0 MB of 1121.0 MB (33 %), 380.0 MB/s, 2s left');
    expect(pace.bar()).toBe('[########----------------]');
    expect(pace.elapsedMs).toBe(1000);
  });

  it('knows no share and no end before all is counted', () => {
    const pace = started();
    after(500);
    pace.add(5_000_000);
    expect(pace.figures()).toEqual({
      bytes: 5_000_000,
      totalBytes: null,
      bytesPerSecond: 10_000_000,
      secondsLeft: null,
    });
    expect(pace.words()).toBe('5.0 MB, 10.0 MB/s');
    expect(pace.bar()).toBe('[------------------------]');
  });

  it('says nothing of the time that is left where nothing moves, and at the end', () => {
    const pace = started(100);
    expect(pace.figures()).toEqual({ bytes: 0, totalBytes: 100, bytesPerSecond: 0, secondsLeft: null });
    after(1000);
    pace.add(100);
    expect(pace.figures().secondsLeft).toBe(0);
    expect(pace.words()).toBe('0.0 MB of 0.0 MB (100 %), 0.0 MB/s');
    expect(pace.bar()).toBe('[########################]');
  });

  it('follows files that grow past what was counted, and one that begins again', () => {
    const pace = started(1000);
    after(1000);
    pace.add(4000);
    expect(pace.figures()).toMatchObject({ bytes: 4000, totalBytes: 4000, secondsLeft: 0 });
    expect(pace.bar()).toBe('[########################]');
    after(1000);
    pace.add(-4000);
    expect(pace.figures()).toMatchObject({
      bytes: 0,
      totalBytes: 1000,
      bytesPerSecond: 0,
      secondsLeft: null,
    });
    expect(pace.words()).toBe('0.0 MB of 0.0 MB (0 %), 0.0 MB/s');
  });

  it('counts the rate over the last seconds only', () => {
    const pace = started(1e9);
    for (let second = 0; second < 20; second++) {
      after(1000);
      pace.add(100);
      pace.figures();
    }
    for (let second = 0; second < 8; second++) {
      after(1000);
      pace.add(1_000_000);
      pace.figures();
    }
    expect(pace.figures().bytesPerSecond).toBe(1_000_000);
  });

  it('has an empty bar for a cluster of nothing', () => {
    expect(started(0).bar()).toBe('[------------------------]');
  });

  it.each([
    [0, '0.0 MB'],
    [49_999, '0.0 MB'],
    [50_000, '0.1 MB'],
    [1_234_567_890, '1234.6 MB'],
  ])('writes %i bytes in powers of ten', (bytes, words) => {
    expect(megabytes(bytes)).toBe(words);
  });
});
