// CRC-32C, with which PostgreSQL protects WAL records and pg_control (src/port/pg_crc32c_sb8.c); zlib's crc32 is another one. Eight
// bytes a step, as there.

/** Castagnoli's; its highest power is the lowest bit. */
export const polynomial = 0x82f6_3b78;

const first = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
  return value;
});

/** What a byte comes to that zeros follow, one more than in the table before. */
function next(table: Uint32Array): Uint32Array {
  return table.map((value) => (value >>> 8) ^ first[value & 0xff]!);
}

const t1 = next(first);
const t2 = next(t1);
const t3 = next(t2);
const t4 = next(t3);
const t5 = next(t4);
const t6 = next(t5);
const t7 = next(t6);

/** Goes on with a sum that began as 0xffffffff; its complement is the CRC of all bytes that went in. */
export function extendCrc32c(bytes: Uint8Array, before: number): number {
  let value = before;
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) {
    value ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    value =
      t7[value & 0xff]! ^
      t6[(value >>> 8) & 0xff]! ^
      t5[(value >>> 16) & 0xff]! ^
      t4[value >>> 24]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      first[bytes[at + 7]!]!;
  }
  for (; at < bytes.length; at++) value = (value >>> 8) ^ first[(value ^ bytes[at]!) & 0xff]!;
  return value;
}

/** The CRC of the bytes, as a number from 0 on. */
export const crc32c = (bytes: Uint8Array): number => (extendCrc32c(bytes, 0xffff_ffff) ^ 0xffff_ffff) >>> 0;
