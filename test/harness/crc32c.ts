// PostgreSQL's checksum, bit by bit: the product's own is another one, so that each proves the other.

/** CRC-32C (src/port/pg_crc32c_sb8.c). */
export function crc32c(bytes: Uint8Array): number {
  let sum = 0xffff_ffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0x82f6_3b78 : sum >>> 1;
  }
  return (sum ^ 0xffff_ffff) >>> 0;
}
