import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHistory, switchPoint, type HistoryEntry } from '../../src/wal/history.ts';
import { formatLsn } from '../../src/wal/lsn.ts';
import { anyLsn } from './arbitraries.ts';

/** As a server with two promotions behind it leaves the file: an empty line before each line it adds. */
const twoPromotions =
  '1\t0/5000000\tno recovery target specified\n\n2\t16/B374D848\tbefore transaction 4711\n';

function entriesOf(text: string, timeline: number): HistoryEntry[] {
  const history = parseHistory(text, timeline);
  if ('problem' in history) throw new Error(history.problem);
  return history.entries;
}

describe('a timeline history', () => {
  it('lists the ancestors, oldest first, and where each was left', () => {
    expect(parseHistory(twoPromotions, 3)).toEqual({
      entries: [
        { timeline: 1, switchLsn: 0x500_0000n, reason: 'no recovery target specified' },
        { timeline: 2, switchLsn: 0x16_b374_d848n, reason: 'before transaction 4711' },
      ],
    });
  });

  it('may have comments, blank lines, other white space and no reason', () => {
    const text =
      '# copied by hand\n \t\n  # so was this\n 1  0/3000000\r\n\v2\t0/4000000 \tat restore point "a b"\n';
    expect(entriesOf(text, 5)).toEqual([
      { timeline: 1, switchLsn: 0x300_0000n, reason: '' },
      { timeline: 2, switchLsn: 0x400_0000n, reason: 'at restore point "a b"' },
    ]);
  });

  it('may leave out timelines and go back in LSN, as the server lets it', () => {
    const entries = entriesOf('1\t0/9000000\tx\n7\t0/3000000\ty\n', 9);
    expect(entries.map((entry) => entry.timeline)).toEqual([1, 7]);
  });

  it('is read in the padded form that 19 writes', () => {
    expect(entriesOf('1\t0/03000028\tx\n', 2)[0]?.switchLsn).toBe(0x300_0028n);
  });

  it('of 9.2 or older ends an ancestor where the named segment ends', () => {
    const text = '1\t00000001000000020000000A\tno recovery target specified\n';
    expect(entriesOf(text, 2)[0]?.switchLsn).toBe(0x2_0b00_0000n);
    const wide = parseHistory(text, 2, 64 * 1024 * 1024);
    expect(wide).toMatchObject({ entries: [{ switchLsn: 0x2_2c00_0000n }] });
  });

  it.each([
    ['it is empty', ''],
    ['names no timeline', '\n\n'],
    ['names no timeline', '# timeline 2 is reserved\n'],
    ['it contains zero bytes', '\0'.repeat(512)],
    ['it contains zero bytes', '1\t0/3000000\tno recovery\0target specified\n'],
    ['its last line is incomplete', '1\t0/3000000\tno recovery target speci'],
    ['its last line is incomplete', '1\t0/3000000\tx\n2\t0/40'],
    ['its last line is incomplete', '1\t0/3000000\tx\n# cut'],
    ['line 1: expected a timeline ID', 'one\t0/3000000\tx\n'],
    ['line 1: expected a timeline ID', '0\t0/3000000\tx\n'],
    ['line 1: expected a timeline ID', '-1\t0/3000000\tx\n'],
    ['line 1: expected a timeline ID', '4294967296\t0/3000000\tx\n'],
    ['line 1: expected a timeline ID', '1x\t0/3000000\tx\n'],
    ['line 1: expected a timeline ID', '\u00a01\t0/3000000\tx\n'],
    ['line 1: expected the LSN of a switch point', '1\n'],
    ['line 1: expected the LSN of a switch point', '1\t\n'],
    ['line 1: expected the LSN of a switch point', '1\t0/3000000x\tx\n'],
    ['line 1: expected the LSN of a switch point', '1\t0/300000000\tx\n'],
    ['line 1: expected the LSN of a switch point', '1\t0000000100000000000001FF\tx\n'],
    ['line 3: expected the LSN of a switch point', '1\t0/3000000\tx\n\n2\tno recovery target specified\n'],
    ['line 3: timeline 2 comes after timeline 3', '1\t0/1\tx\n3\t0/2\tx\n2\t0/3\tx\n'],
    ['line 2: timeline 1 comes after timeline 1', '1\t0/1\tx\n1\t0/2\tx\n'],
    ['line 2: timeline 4 cannot be an ancestor of timeline 4', '1\t0/1\tx\n4\t0/2\tx\n'],
    ['line 1: timeline 9 cannot be an ancestor of timeline 4', '9\t0/1\tx\n'],
  ])('is refused: %s: %j', (problem, text) => {
    expect(parseHistory(text, 4)).toEqual({ problem });
  });

  it('is read as it was written, thousands of timelines long', () => {
    const length = 20_000;
    const lines = Array.from({ length }, (_, index) => `${index + 1}\t0/${(index + 1).toString(16)}\tx\n`);
    const entries = entriesOf(lines.join('\n'), length + 1);
    expect(entries).toHaveLength(length);
    expect(switchPoint(entries, length)).toBe(BigInt(length));
  });

  it('is read as it was written, whatever the timelines and LSNs', () => {
    const timelines = fc.uniqueArray(fc.integer({ min: 1, max: 0xffff_fffe }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(timelines, fc.infiniteStream(anyLsn), (drawn, lsns) => {
        const written = drawn
          .sort((a, b) => a - b)
          .map((timeline) => ({ timeline, switchLsn: lsns.next().value as bigint, reason: 'because' }));
        const text = written.map(
          (line) => `${line.timeline}\t${formatLsn(line.switchLsn)}\t${line.reason}\n`,
        );
        expect(parseHistory(text.join('\n'), 0xffff_ffff)).toEqual({ entries: written });
      }),
    );
  });

  it('is refused wherever it was cut inside a line', () => {
    for (let length = 0; length < twoPromotions.length; length += 1) {
      const cut = twoPromotions.slice(0, length);
      expect('problem' in parseHistory(cut, 3)).toBe(!cut.endsWith('\n'));
    }
  });
});

describe('a switch point', () => {
  it('is where that ancestor was left, and of no other timeline', () => {
    const entries = entriesOf(twoPromotions, 3);
    expect(switchPoint(entries, 1)).toBe(0x500_0000n);
    expect(switchPoint(entries, 2)).toBe(0x16_b374_d848n);
    expect(switchPoint(entries, 3)).toBeUndefined();
  });
});
