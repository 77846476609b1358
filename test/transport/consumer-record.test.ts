// What a consumer's record becomes when it is told anew: forwards, backwards, after a restart, of a recovery.
import { describe, expect, it } from 'vitest';

import {
  consumerText,
  isConsumerId,
  isFresh,
  parseConsumer,
  recordOf,
  type Consumer,
  type Need,
} from '../../src/transport/consumer-record.ts';
import { faultOf } from '../program/fault.ts';

const segment = (number: number, timeline = 1): string =>
  `0000000${timeline}000000000000000${number.toString(16).toUpperCase()}`;
const at = (minute: number): Date => new Date(Date.UTC(2026, 0, 2, 3, minute));
const need = (changes: Partial<Need> = {}): Need => ({
  ...{ id: 'n1', node: 'n1', name: 'db2', kind: 'standby', oldest: segment(5) },
  ...changes,
});
const known = recordOf(undefined, need(), at(0));

describe('the record of a need', () => {
  it('begins with it', () => {
    expect(known).toEqual({
      ...need({ lsn: undefined }),
      since: '2026-01-02T03:00:00.000Z',
      seen: '2026-01-02T03:00:00.000Z',
    });
  });

  it.each([
    ['goes on with the restart point', need({ oldest: segment(9) }), segment(9)],
    ['goes back with it, too: the data directory was replaced', need({ oldest: segment(2) }), segment(2)],
    ['changes over to another timeline', need({ oldest: segment(7, 2) }), segment(7, 2)],
    ['stays where a restart reads on', need({ oldest: undefined, asked: segment(5) }), segment(5)],
    [
      'stays also for a newer name of another timeline',
      need({ oldest: undefined, asked: segment(6, 2) }),
      segment(5),
    ],
    [
      'is lost where a restart asks for something older',
      need({ oldest: undefined, asked: segment(4) }),
      undefined,
    ],
    ['is lost where nothing at all is known', need({ oldest: undefined }), undefined],
    ['begins anew for a recovery', need({ kind: 'restore', oldest: segment(9) }), segment(9)],
  ] as const)('%s', (_title, next, oldest) => {
    const record = recordOf(known, next, at(1));
    expect(record).toMatchObject({ seen: '2026-01-02T03:01:00.000Z' });
    expect(record.oldest).toBe(oldest);
    expect(record.since).toBe(next.kind === 'restore' ? record.seen : known.since);
  });

  it('of a recovery holds everything from where it began, and from earlier, should it begin there', () => {
    const restoring = (oldest: string | undefined): Need => need({ kind: 'restore', oldest });
    let record = recordOf(undefined, restoring(undefined), at(0));
    expect(record.oldest).toBeUndefined();
    const steps = [5, 9, 3, 8].map((number) => {
      record = recordOf(record, restoring(segment(number)), at(1));
      return record.oldest;
    });
    expect(steps).toEqual([5, 5, 3, 3].map((number) => segment(number)));
  });

  it('keeps the LSN of the segment that stays, and no other', () => {
    const told = recordOf(known, need({ lsn: '0/5000028' }), at(1));
    expect(told.lsn).toBe('0/5000028');
    expect(recordOf(told, need({ oldest: undefined, asked: segment(5) }), at(2)).lsn).toBe('0/5000028');
    expect(recordOf(told, need({ oldest: segment(6) }), at(2)).lsn).toBeUndefined();
  });

  it('is written again when it says something new, when it is five minutes old, and when it is from the future', () => {
    const again = (next: Need, minute: number): boolean => isFresh(known, recordOf(known, next, at(minute)));
    expect(again(need(), 4)).toBe(true);
    expect(again(need(), 5)).toBe(false);
    expect(again(need(), -1)).toBe(false);
    expect(again(need({ oldest: segment(6) }), 1)).toBe(false);
    expect(again(need({ name: 'db3' }), 1)).toBe(false);
    expect(again(need({ kind: 'restore' }), 1)).toBe(false);
  });
});

describe('the text of a record', () => {
  it.each([known, { ...known, oldest: undefined }, { ...known, lsn: '0/5000028' }])(
    'is read back',
    (consumer) => {
      expect(parseConsumer('n1', '/a/n1', consumerText(consumer))).toEqual({ lsn: undefined, ...consumer });
    },
  );

  const damaged = (change: object): string =>
    JSON.stringify({ ...(JSON.parse(consumerText(known)) as Consumer), ...change });
  it.each([
    '',
    '{',
    'null',
    '[]',
    damaged({ version: 2 }),
    damaged({ oldest: '00000002.history' }),
    damaged({ oldest: 5 }),
    damaged({ oldest: undefined }),
    damaged({ seen: 'yesterday' }),
    damaged({ node: undefined }),
  ])('that is %s is refused', async (text) => {
    expect(await faultOf(async () => parseConsumer('n1', '/a/n1', text))).toMatchObject({
      kind: 'unsafe-state',
      message: 'the record /a/n1 of a consumer is damaged or of a newer version',
      detail: 'What that consumer needs is not known; nothing is pruned there.',
      hint: 'A consumer that lives writes it again. One that is gone for good: twowarm consumers remove n1',
    });
  });

  it.each(['', '.', '..', '../x', 'a/b', 'a\nb', '-a', '.tmp.x', 'a'.repeat(129)])(
    'has no name like %j',
    (id) => {
      expect(isConsumerId(id)).toBe(false);
    },
  );
  it.each(['0123456789abcdef', '0123456789abcdef.relay-d_r', 'n1'])('may be named %s', (id) => {
    expect(isConsumerId(id)).toBe(true);
  });
});
