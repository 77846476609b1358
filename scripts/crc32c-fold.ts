// The text of src/copying/sums/crc32c-fold.wasm.ts: CRC-32C over 128 bytes at once. A CRC is a polynomial over GF(2) modulo that
// of Castagnoli. 128 bytes are eight vectors of 16, which are taken for two groups of four, 32 bytes apart; the four bytes of a
// group that stand in the same lane are one element modulo the polynomial: 32 bits, of which each byte holds eight. Moving the
// elements on by 128 bytes multiplies them by x^1024, which is linear: for each half of each byte (16 values) there is a table
// of what it comes to in each of the four bytes, and 16 lanes are looked up by one swizzle. Adding the next 128 bytes is a xor.
// Which four bytes make an element is not given: 32 bytes apart their 32 bits are independent, at 16 bytes they are not.

import { power } from '../src/copying/sums/crc32c-arithmetic.ts';
import { blockBytes, stateAt, tablesAt } from '../src/copying/sums/layout.ts';

const apartBits = 32 * 8;
const bytes = [0, 1, 2, 3];
const halves = [0, 1];
const groups = [0, 1];

/** What bit `bit` of byte `byte` of an element stands for; the first byte stands furthest in front. */
const meaningOf = (byte: number, bit: number): number => power(7 - bit + apartBits * (3 - byte));

interface Row {
  value: number;
  /** The bits of an element that come to that value, bit 8 · byte + bit. */
  bits: number;
}

/** The same elements, solved for the bits of their value: each row has one that no later one has. */
function solved(): (Row & { lead: number })[] {
  let rows: Row[] = bytes.flatMap((byte) =>
    Array.from({ length: 8 }, (_, bit) => ({ value: meaningOf(byte, bit), bits: 1 << (8 * byte + bit) })),
  );
  return Array.from({ length: 32 }, (_, index) => {
    const lead = 31 - index;
    const has = ({ value }: Row): boolean => ((value >>> lead) & 1) === 1;
    const at = rows.findIndex(has);
    if (at < 0) throw new Error('the bits of an element are not independent');
    const [found] = rows.splice(at, 1);
    const { value, bits } = found!;
    rows = rows.map((row) => (has(row) ? { value: row.value ^ value, bits: row.bits ^ bits } : row));
    return { value, bits, lead };
  });
}

const basis = solved();

/** The four bytes of the element that has this value. */
function elementOf(value: number): number {
  let [left, bits] = [value, 0];
  for (const row of basis) {
    if (((left >>> row.lead) & 1) === 0) continue;
    left ^= row.value;
    bits ^= row.bits;
  }
  return bits >>> 0;
}

/** What each value of half a byte comes to in byte `to`, 128 bytes on. */
const tableOf = (byte: number, half: number, to: number): number[] =>
  Array.from({ length: 16 }, (_, value) => {
    let sum = 0;
    for (let bit = 0; bit < 4; bit++) {
      if (((value >> bit) & 1) === 0) continue;
      const place = 7 - (4 * half + bit) + apartBits * (3 - byte);
      sum ^= power(place + 8 * blockBytes);
    }
    return (elementOf(sum >>> 0) >>> (8 * to)) & 0xff;
  });

const tableAt = (byte: number, half: number, to: number): number =>
  tablesAt + ((byte * 2 + half) * 4 + to) * 16;

const tables = bytes.flatMap((byte) => halves.flatMap((half) => bytes.map((to) => tableOf(byte, half, to))));
const tableText = tables
  .flat()
  .map((byte) => `\\${byte.toString(16).padStart(2, '0')}`)
  .join('');

const state = (group: number, byte: number): string => `$s${group}${byte}`;
const offsetOf = (group: number, byte: number): number => 16 * group + 32 * byte;

/** One group moved on by 128 bytes, and what stands there added. */
function moved(group: number): string[] {
  const lines: string[] = [];
  for (const byte of bytes) {
    for (const half of halves) {
      const from = `(local.get ${state(group, byte)})`;
      const shifted = half === 0 ? from : `(i16x8.shr_u ${from} (i32.const 4))`;
      lines.push(`(local.set $half (v128.and ${shifted} (local.get $mask)))`);
      for (const to of bytes) {
        const table = `(v128.load offset=${tableAt(byte, half, to)} (local.get $zero))`;
        const found = `(i8x16.relaxed_swizzle ${table} (local.get $half))`;
        const isFirst = byte === 0 && half === 0;
        lines.push(`(local.set $t${to} ${isFirst ? found : `(v128.xor (local.get $t${to}) ${found})`})`);
      }
    }
  }
  for (const byte of bytes)
    lines.push(
      `(local.set ${state(group, byte)} (v128.xor (local.get $t${byte}) (v128.load offset=${offsetOf(group, byte)} (local.get $at))))`,
    );
  return lines;
}

const eachState = (line: (group: number, byte: number) => string): string[] =>
  groups.flatMap((group) => bytes.map((byte) => line(group, byte)));

/**
 * The text of a module: fold(at, end) leaves in the state what the bytes from `at` to `end`, a whole number of blocks of 128 bytes,
 * come to: 128 bytes of the same CRC. A swizzle is only asked for indexes below 16, for which a relaxed one is the same everywhere.
 */
export const crc32cFold = `(module
(import "sums" "memory" (memory 1))
(data (i32.const ${tablesAt}) "${tableText}")
(func (export "fold") (param $at i32) (param $end i32)
(local $zero i32) (local $mask v128) (local $half v128)
${bytes.map((to) => `(local $t${to} v128)`).join(' ')}
${eachState((group, byte) => `(local ${state(group, byte)} v128)`).join(' ')}
(local.set $mask (i8x16.splat (i32.const 15)))
(block $done (loop $block
(br_if $done (i32.ge_u (local.get $at) (local.get $end)))
${groups.flatMap(moved).join('\n')}
(local.set $at (i32.add (local.get $at) (i32.const ${blockBytes})))
(br $block)))
${eachState((group, byte) => `(v128.store offset=${stateAt + offsetOf(group, byte)} (local.get $zero) (local.get ${state(group, byte)}))`).join('\n')}))
`;
