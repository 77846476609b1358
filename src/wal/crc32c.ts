// CRC-32C, with which PostgreSQL protects WAL records and pg_control (src/port/pg_crc32c_sb8.c); zlib's crc32 is another one.

const polynomial = 0x82f6_3b78;
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
  return value;
});

/** Goes on with a sum that began as 0xffffffff; its complement is the CRC of all bytes that went in. */
export function extendCrc32c(bytes: Uint8Array, before: number): number {
  let value = before;
  for (const byte of bytes) value = (value >>> 8) ^ table[(value ^ byte) & 0xff]!;
  return value;
}

/** The CRC of the bytes, as a number from 0 on. */
export const crc32c = (bytes: Uint8Array): number => (extendCrc32c(bytes, 0xffff_ffff) ^ 0xffff_ffff) >>> 0;
