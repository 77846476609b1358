import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { historyName, parseWalFileName, segmentName } from '../../src/wal/filename.ts';
import { anySegment } from './arbitraries.ts';

const segment = '0000000A000001B40000004F';

describe('the name of a WAL file', () => {
  it('is taken apart into timeline, log and low when it is a segment', () => {
    expect(parseWalFileName(segment)).toEqual({
      kind: 'segment',
      name: segment,
      segment,
      timeline: 10,
      log: 0x1b4,
      low: 0x4f,
    });
  });

  it('keeps the segment it belongs to when it is partial', () => {
    const name = `${segment}.partial`;
    expect(parseWalFileName(name)).toEqual({
      kind: 'partial',
      name,
      segment,
      timeline: 10,
      log: 0x1b4,
      low: 0x4f,
    });
  });

  it('says where a base backup began when it is a backup history file', () => {
    const name = `${segment}.00A00028.backup`;
    expect(parseWalFileName(name)).toEqual({
      kind: 'backup',
      name,
      segment,
      timeline: 10,
      log: 0x1b4,
      low: 0x4f,
      offset: 0xa00028,
    });
  });

  it('gives the timeline when it is a history file, also the one that never exists', () => {
    expect(parseWalFileName('FFFFFFFF.history')).toEqual({
      kind: 'history',
      name: 'FFFFFFFF.history',
      timeline: 0xffff_ffff,
    });
    expect(parseWalFileName('00000001.history')?.timeline).toBe(1);
  });

  it.each([
    ['nothing', ''],
    ['23 characters', '00000001000000000000000'],
    ['25 characters', '0000000100000000000000010'],
    ['lower-case digits', '00000001000000000000000a'],
    ['a colon, which follows 9 in ASCII', '00000001000000000000000:'],
    ['an at sign, which precedes A', '00000001000000000000000@'],
    ['a G', '00000001000000000000000G'],
    ['a trailing newline', '000000010000000000000001\n'],
    ['a newline in place of the last digit', '00000001000000000000000\n'],
    ['a leading space', ' 00000001000000000000001'],
    ['a NUL', '00000001000000000000000\0'],
    ['full-width digits', '００００００010000000000000001'],
    ['a sign, which parseInt would take', '+0000001000000000000000+1'],
    ['a hexadecimal prefix', '0x0000010x0000000x000001'],
    ['timeline 0', '000000000000000000000001'],
    ['timeline 0 in a history file', '00000000.history'],
    ['timeline 0 in a partial segment', '000000000000000000000001.partial'],
    ['timeline 0 in a backup history file', '000000000000000000000001.00000028.backup'],
    ['a directory above', '../000000010000000000001'],
    ['a directory', 'pg_wal/00000001000000000'],
    ['a history file with lower-case digits', '0000000a.history'],
    ['a history file with a newline', '00000002.history\n'],
    ['a history file in capitals', '00000002.HISTORY'],
    ['a history file with nine digits', '000000002.history'],
    ['a path that ends like a history file', '../../02.history'],
    ['a partial segment with a newline', `${segment}.partial\n`],
    ['a partial segment misspelt', `${segment}.Partial`],
    ['a path that ends like a partial segment', `../${segment.slice(3)}.partial`],
    ['a backup history file without offset', `${segment}.backup`],
    ['a backup history file with a short offset', `${segment}.0000028.backup`],
    ['a backup history file with a lower-case offset', `${segment}.00a00028.backup`],
    ['a backup history file with another separator', `${segment}/00A00028.backup`],
    ['a backup history file misspelt', `${segment}.00A00028.Backup`],
    ['a temporary file', `.tmp.${segment}.db1.1.1.1`],
    ['a compressed segment', `${segment}.zst`],
    ['a final segment', `${segment}.final`],
    ['a ready file', `${segment}.ready`],
  ])('is refused: %s', (_, name) => {
    expect(parseWalFileName(name)).toBeUndefined();
  });

  it('is never longer than 40 characters nor anything but letters, digits and dots, whatever is tried', () => {
    const nearly = fc.string({
      unit: fc.constantFrom(...'0123456789ABCDEFabcdef./\n:.historypartialbackup'),
    });
    fc.assert(
      fc.property(fc.oneof(fc.string(), nearly), (name) => {
        if (parseWalFileName(name) !== undefined) expect(name).toMatch(/^[0-9A-Za-z.]{16,40}$/);
      }),
    );
  });
});

describe('naming', () => {
  it('puts a segment under 24 upper-case digits', () => {
    expect(segmentName(10, 0x1b4n * 256n + 0x4fn, 16 * 1024 * 1024)).toBe(segment);
    expect(segmentName(1, 7n, 1024 * 1024 * 1024)).toBe('000000010000000100000003');
    expect(segmentName(1, 4096n + 0xabcn, 1024 * 1024)).toBe('000000010000000100000ABC');
  });

  it('reaches the last segment there is, and not one further', () => {
    const size = 16 * 1024 * 1024;
    expect(segmentName(0xffff_ffff, 2n ** 40n - 1n, size)).toBe('FFFFFFFFFFFFFFFF000000FF');
    expect(() => segmentName(1, 2n ** 40n, size)).toThrow(RangeError);
    expect(() => segmentName(1, -1n, size)).toThrow(RangeError);
  });

  it.each([0, -1, 1.5, Number.NaN, 0x1_0000_0000])('refuses timeline %d', (timeline) => {
    expect(() => segmentName(timeline, 1n, 16 * 1024 * 1024)).toThrow(RangeError);
    expect(() => historyName(timeline)).toThrow(RangeError);
  });

  it('gives a history file eight digits', () => {
    expect(historyName(0x2a)).toBe('0000002A.history');
  });

  it('is undone by parsing', () => {
    fc.assert(
      fc.property(anySegment, ({ timeline, number, size }) => {
        const name = segmentName(timeline, number, size);
        expect(parseWalFileName(name)).toMatchObject({ kind: 'segment', name, segment: name, timeline });
        expect(parseWalFileName(historyName(timeline))).toMatchObject({ kind: 'history', timeline });
      }),
    );
  });
});
