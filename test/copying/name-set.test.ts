// A set of names against the one of JavaScript.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NameSet } from '../../src/copying/name-set.ts';
import { namesInPieces, readNames } from '../../src/copying/wire/long-message.ts';
import { faultOf } from '../program/fault.ts';

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((text) => !/[\0/]/.test(text));
/** Few of them, so that they meet. */
const some = fc.oneof(name, fc.constantFrom('1259', '1259_fsm', '16384', '16384.1', 'größe'));
const step = fc.record({ verb: fc.constantFrom('add', 'add', 'delete', 'has'), name: some });

async function* cut(bytes: Buffer, at: number): AsyncGenerator<Buffer> {
  for (let from = 0; from < bytes.length; from += at) yield bytes.subarray(from, from + at);
}

describe('a set of names', () => {
  it('says what a Set says, and has its names in the order in which they came', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const [ours, other] = [new NameSet(), new Set<string>()];
        for (const { verb, name: each } of steps) {
          if (verb === 'add') {
            ours.add(each);
            other.add(each);
          } else if (verb === 'delete') expect(ours.delete(each)).toBe(other.delete(each));
          else expect(ours.has(each)).toBe(other.has(each));
          expect(ours.size).toBe(other.size);
        }
        expect([...ours]).toEqual([...other]);
      }),
    );
  });

  it('takes names in and out for ever without growing full', () => {
    const names = new NameSet();
    for (let round = 0; round < 2000; round++) {
      names.add(`name ${round}`);
      expect(names.delete(`name ${round}`)).toBe(true);
      expect(names.has(`name ${round}`)).toBe(false);
    }
    expect([...names]).toEqual([]);
  });

  it('holds a million names in less than 40 MB', () => {
    const before = process.memoryUsage().arrayBuffers;
    const names = new NameSet();
    for (let number = 0; number < 1_000_000; number++) names.add(`${16_384 + number}`);
    expect(names.size).toBe(1_000_000);
    expect(names.has('16384')).toBe(true);
    expect(names.has('1016384')).toBe(false);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40 * 1024 * 1024);
  });
});

describe('names on the line', () => {
  it.each([1, 7, 4096, 1_000_000])('arrive whole, cut after every %i bytes', async (at) => {
    const names = ['a', 'strange \n näme', ...Array.from({ length: 5000 }, (_, n) => `${n}_fsm`)];
    const pieces = [...namesInPieces(names)];
    expect(pieces.length).toBe(2);
    expect([...(await readNames(cut(Buffer.concat(pieces), at)))]).toEqual(names);
  });

  it('may be none', async () => {
    expect([...namesInPieces([])]).toEqual([]);
    expect((await readNames(cut(Buffer.alloc(0), 1))).size).toBe(0);
  });

  it.each([
    ['without an end', Buffer.from('a\0b'), 'a name without its end'],
    ['that are too long', Buffer.alloc(5000, 'x'), 'a name that is too long'],
  ])('%s are refused', async (_, bytes, what) => {
    expect(await faultOf(() => readNames(cut(bytes, 100)))).toEqual({
      kind: 'protocol',
      message: `the far side does not keep to the protocol: ${what}`,
    });
  });
});
