import { describe, expect, it } from 'vitest';
import { invalid, judge, megabyte, segment, whole } from './segment-bytes.ts';

describe('a timeline history file', () => {
  const name = '00000003.history';
  const text = '1\t0/5000000\tno recovery target specified\n\n2\t0/9000000\tgrößer\n';

  it.each(['utf8', 'latin1'] as const)('is whole in %s, in one piece and in many', (encoding) => {
    const bytes = Buffer.from(text, encoding);
    expect(judge(name, bytes)).toEqual(whole);
    expect(judge(name, bytes, [1])).toEqual(whole);
  });

  it.each([
    ['is empty', '', 'it is empty'],
    ['lost its end', text.slice(0, -1), 'its last line is incomplete'],
    ['was zeroed', `${text}\0\0`, 'it contains zero bytes'],
    ['names no timeline', '# nothing\n', 'names no timeline'],
    ['names itself', '3\t0/5000000\tx\n', 'line 1: timeline 3 cannot be an ancestor of timeline 3'],
    ['has no LSN', '1\tx\n', 'line 1: expected the LSN of a switch point'],
  ])('that %s is not whole', (_, damaged, phrase) => {
    expect(judge(name, Buffer.from(damaged))).toEqual(invalid(`The history file is not whole: ${phrase}.`));
  });

  it('may be long, but not without end', () => {
    const line = '# a comment of no consequence at all, again and again and again\n';
    const most = Buffer.from(`${line.repeat(60_000)}1\t0/5000000\tx\n`);
    expect(most.length).toBeLessThan(4 * megabyte);
    expect(judge(name, most)).toEqual(whole);
    const more = Buffer.concat([most, Buffer.alloc(4 * megabyte + 1 - most.length, '#')]);
    expect(judge(name, more)).toEqual(invalid('It is larger than any text file of WAL.'));
  });
});

describe('a backup history file', () => {
  const name = `${segment}.00000028.backup`;
  const text = `START WAL LOCATION: 16/B00028 (file ${segment})\nSTOP WAL LOCATION: 16/C00000 (file x)\nLABEL: ü\n`;

  it('is whole when it describes the backup of its name', () => {
    expect(judge(name, Buffer.from(text, 'latin1'))).toEqual(whole);
    expect(judge(name, Buffer.from(text), [7])).toEqual(whole);
  });

  it.each([
    ['is empty', '', 'it is empty'],
    ['lost its end', text.slice(0, -1), 'its last line is incomplete'],
    ['was zeroed', `\0${text}`, 'it contains zero bytes'],
    ['begins elsewhere', `LABEL: x\n${text}`, 'line 1: expected the START WAL LOCATION'],
  ])('that %s is not whole', (_, damaged, phrase) => {
    expect(judge(name, Buffer.from(damaged))).toEqual(
      invalid(`The backup history file is not whole: ${phrase}.`),
    );
  });

  it('of another backup is refused', () => {
    const other = '00000001000000160000000A';
    expect(judge(`${other}.00000028.backup`, Buffer.from(text))).toEqual(
      invalid(`It describes a backup that began in ${segment}; its name says ${other}.`),
    );
  });
});
