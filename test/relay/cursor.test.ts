// What of the own archive a relay still needs.
import { describe, expect, it } from 'vitest';

import { oldestNeeded } from '../../src/relay/cursor.ts';
import { byAge, Queue } from '../../src/relay/queue.ts';
import { megabyte, segmentNamed } from '../harness/wal-files.ts';

const needed = (lacking: string[], here: string[] = []): string | undefined =>
  oldestNeeded(lacking, here, megabyte);

describe('a relay needs', () => {
  it('from the oldest segment on that some destination lacks, by its place in the WAL and not by its timeline', () => {
    expect(needed([segmentNamed(9), segmentNamed(7, 2), segmentNamed(8)])).toBe(segmentNamed(7, 2));
    expect(needed([segmentNamed(4097), segmentNamed(4095)], [segmentNamed(1)])).toBe(segmentNamed(4095));
  });

  it('the segment that a partial one, a backup or a gap belongs to, and none for a history', () => {
    expect(needed([`${segmentNamed(5)}.partial`, segmentNamed(6)])).toBe(segmentNamed(5));
    expect(needed([`${segmentNamed(5)}.00000028.backup`])).toBe(segmentNamed(5));
    expect(needed([`${segmentNamed(5)}.gap`])).toBe(segmentNamed(5));
    expect(needed(['00000002.history'], [segmentNamed(3)])).toBe(segmentNamed(3));
  });

  it('the newest segment where nobody lacks any, and nothing known where there is none', () => {
    expect(needed([], [segmentNamed(2), segmentNamed(4), segmentNamed(3, 2)])).toBe(segmentNamed(4));
    expect(needed([], ['00000002.history'])).toBe(undefined);
  });
});

describe('the queue of a destination', () => {
  it('gives histories first, then the oldest, whatever the order of arrival, each once', () => {
    const keys = [
      '00000002.history',
      '00000003.history',
      segmentNamed(1),
      `${segmentNamed(1)}.gap`,
      segmentNamed(2),
      `${segmentNamed(2)}.partial`,
      `${segmentNamed(2)}.partial.${'a'.repeat(64)}`,
      segmentNamed(3),
      segmentNamed(2, 2),
    ];
    expect(keys.toSorted(byAge)).toEqual(keys);
    // Every rotation, forwards and backwards.
    for (let turn = 0; turn < keys.length; turn++) {
      const turned = [...keys.slice(turn), ...keys.slice(0, turn)];
      for (const order of [turned, turned.toReversed(), [...turned, ...turned]]) {
        const queue = new Queue();
        for (const key of order) queue.add(key);
        expect(queue.all()).toEqual(keys);
      }
    }
  });
});
