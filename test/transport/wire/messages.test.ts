// Messages are believed field by field: unknown fields are ignored, wrong ones refused.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faultOf, Message, readHello, readPut } from '../../../src/transport/wire/messages.ts';

const hello = {
  verb: 'hello',
  versions: [1, 1],
  client: '0.1.0',
  system_identifier: '7300000000000000001',
  segment_size: 16_777_216,
  control_version: 1300,
  node: '0123456789abcdef',
  node_name: 'db1',
  timeline: 1,
  directory: '/archive',
  url: 'ssh://db2/archive',
  note: '/home/state/archives/x',
  purpose: 'write',
};
const put = {
  verb: 'put',
  name: '000000010000000000000005',
  size: 10,
  sha256: 'a'.repeat(64),
  encoding: 'zstd',
  store: 'none',
};
const read = (value: unknown): Message => new Message(JSON.stringify(value));

describe('a message', () => {
  it('may have fields that nobody knows yet', () => {
    expect(readHello(read({ ...hello, colour: 'red' }))).toEqual(hello);
    expect(readPut(read({ ...put, colour: ['red'] }))).toEqual(put);
  });

  it.each(Object.keys(hello))('is refused without its %s', (key) => {
    expect(() => readHello(read({ ...hello, [key]: undefined }))).toThrow('does not keep to the protocol');
  });

  it.each([
    ['name', '../../etc/passwd'],
    ['name', '000000010000000000000005\n'],
    ['name', '.twowarm'],
    ['name', 5],
    ['size', -1],
    ['size', 1.5],
    ['size', 2 ** 60],
    ['sha256', 'A'.repeat(64)],
    ['sha256', '../x'],
    ['encoding', 'gzip'],
    ['store', null],
  ])('is refused with %s = %j', (key, value) => {
    expect(() => readPut(read({ ...put, [key]: value }))).toThrow();
  });

  it.each(['', '[]', 'null', '1', '{', '"x"'])('is refused as %j', (text) => {
    expect(() => new Message(text)).toThrow('does not keep to the protocol: a message that is no');
  });

  it('never breaks the reader, whatever it says', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        for (const reading of [readHello, readPut]) {
          try {
            reading(new Message(text));
          } catch (error) {
            expect(['protocol', 'invalid-name']).toContain((error as { kind?: string }).kind);
          }
        }
      }),
    );
  });

  it('that refuses is a fault of its kind, with its words, which have an end', () => {
    const words = { reply: 'full', kind: 'no-space', message: 'm'.repeat(5000), detail: 'd', hint: 'h' };
    const { kind, message, detail, hint } = faultOf(read(words));
    expect({ kind, message, detail, hint }).toEqual({
      kind: 'no-space',
      message: 'm'.repeat(2000),
      detail: 'd',
      hint: 'h',
    });
    expect(faultOf(read({ ...words, kind: 'of-tomorrow' })).kind).toBe('input-output');
    expect(faultOf(read({ ...words, kind: 'bug' })).kind).toBe('input-output');
  });
});
