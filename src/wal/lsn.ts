// The text form of an LSN, a position in the WAL, which is a bigint everywhere else. Which segment holds a
// position is segment.ts.

/**
 * The LSN in `text`, or undefined unless it is one to eight hexadecimal digits, a slash, and again one to eight:
 * '0/600AA20', as pg_lsn takes it (src/backend/utils/adt/pg_lsn.c); '0/0600AA20', as 19 writes it, is the same.
 */
export function parseLsn(text: string): bigint | undefined {
  if (!/^[0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8}$/.test(text)) return undefined;
  const slash = text.indexOf('/');
  return (BigInt(`0x${text.slice(0, slash)}`) << 32n) | BigInt(`0x${text.slice(slash + 1)}`);
}

/** `lsn` as PostgreSQL up to 18 prints it, %X/%X. Throws RangeError for what does not fit into 64 bits. */
export function formatLsn(lsn: bigint): string {
  // Also true of negative numbers: the shift keeps the sign.
  if (lsn >> 64n !== 0n) throw new RangeError(`${lsn.toString()} is not an LSN`);
  return `${hex(lsn >> 32n)}/${hex(lsn & 0xffff_ffffn)}`;
}

function hex(value: bigint): string {
  return value.toString(16).toUpperCase();
}
