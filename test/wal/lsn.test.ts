import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatLsn, parseLsn } from '../../src/wal/lsn.ts';
import { anyLsn } from './arbitraries.ts';

describe('an LSN', () => {
  it.each([
    ['0/0', 0n],
    ['0/600AA20', 0x600aa20n],
    ['16/B374D848', 0x16_b374_d848n],
    ['FFFFFFFF/FFFFFFFF', 0xffff_ffff_ffff_ffffn],
  ])('%s is read and printed', (text, lsn) => {
    expect(parseLsn(text)).toBe(lsn);
    expect(formatLsn(lsn)).toBe(text);
  });

  it('is read in lower case and with the leading zeros that 19 prints', () => {
    expect(parseLsn('ab/b374d848')).toBe(0xab_b374_d848n);
    expect(parseLsn('16/0000000A')).toBe(0x16_0000_000an);
  });

  it.each([
    '',
    '/',
    '0',
    '0/',
    '/0',
    '0/0/0',
    '0 /0',
    ' 0/0',
    '0/0\n',
    '0x0/0',
    '-1/0',
    '0/G',
    '0/:',
    '123456789/0',
    '0/123456789',
    '０/０',
  ])('is not %j', (text) => {
    expect(parseLsn(text)).toBeUndefined();
  });

  it('survives being printed and read', () => {
    fc.assert(
      fc.property(anyLsn, (lsn) => {
        expect(parseLsn(formatLsn(lsn))).toBe(lsn);
      }),
    );
  });

  it.each([-1n, 2n ** 64n])('is never printed when it is none: %d', (lsn) => {
    expect(() => formatLsn(lsn)).toThrow(RangeError);
  });
});
