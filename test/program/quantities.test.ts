import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatDuration,
  parseDuration,
  parseSize,
  parseSpace,
} from '../../src/program/settings/quantities.ts';

describe('a duration', () => {
  it.each([
    ['0s', 0],
    ['250ms', 250],
    ['5s', 5000],
    ['2min', 120_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
    ['5 s', 5000],
    ['007s', 7000],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    '',
    '5',
    's',
    '5 ',
    '5m',
    '5S',
    '5sec',
    '-5s',
    '+5s',
    '1.5s',
    '5s ',
    ' 5s',
    '5s\n',
    '5  s',
    '1h30min',
  ])('cannot be %j', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it.each(['5toString', '5constructor', '5__proto__', '1234567890s'])('cannot be %j either', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it.each([
    [0, '0ms'],
    [1, '1ms'],
    [999, '999ms'],
    [1000, '1s'],
    [90_000, '90s'],
    [120_000, '2min'],
    [86_400_000, '1d'],
    [5_400_000, '90min'],
  ])('of %i ms is written %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('reads back as it was written', () => {
    fc.assert(
      fc.property(fc.nat({ max: 999_999_999 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});

describe('a size', () => {
  it.each([
    ['1B', 1],
    ['8kB', 8192],
    ['16MB', 16_777_216],
    ['1GB', 1_073_741_824],
    ['2TB', 2_199_023_255_552],
  ])('%s is %i bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it.each(['16', '16mb', '16KB', '16M', '16 MiB', '-1B', '1.5GB', '5s'])('cannot be %j', (text) => {
    expect(parseSize(text)).toBeUndefined();
  });
});

describe('room on a disk', () => {
  it.each([
    ['10%', { percent: 10 }],
    ['0 %', { percent: 0 }],
    ['100%', { percent: 100 }],
    ['50GB', { bytes: 50 * 1024 ** 3 }],
  ])('%s is %o', (text, space) => {
    expect(parseSpace(text)).toEqual(space);
  });

  it.each(['', '10', '%', '101%', '-1%', '1.5%', '10%%', '10 percent'])('cannot be %j', (text) => {
    expect(parseSpace(text)).toBeUndefined();
  });
});
