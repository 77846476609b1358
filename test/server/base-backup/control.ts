// What the tests of a copy read of its pg_control: fields whose places are the same in every version, and the size of segments.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const control = (dataDirectory: string): Buffer => readFileSync(join(dataDirectory, 'global', 'pg_control'));

export const systemIdentifierOf = (dataDirectory: string): bigint =>
  control(dataDirectory).readBigUInt64LE(0);

/** From the row of sizes that begins with the page of 8 kB: BLCKSZ, RELSEG_SIZE, XLOG_BLCKSZ, xlog_seg_size. */
export function segmentSizeOf(dataDirectory: string): number {
  const bytes = control(dataDirectory);
  for (let at = 200; at < 400; at += 4)
    if (bytes.readUInt32LE(at) === 8192 && bytes.readUInt32LE(at + 4) === 131_072)
      return bytes.readUInt32LE(at + 12);
  throw new Error(`no sizes in the pg_control of ${dataDirectory}`);
}
