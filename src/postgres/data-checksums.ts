// Whether a cluster has data checksums, by pg_control alone: for a server that is not running. Their version stands in the row
// of sizes, at the same distance from floatFormat in every version (src/include/catalog/pg_control.h).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const floatFormat = 1234567;

/** Undefined where it cannot be told. */
export function hasDataChecksums(dataDirectory: string): boolean | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(join(dataDirectory, 'global', 'pg_control')).subarray(0, 512);
  } catch {
    return undefined;
  }
  for (let at = 16; at + 48 <= bytes.length; at += 4)
    if (bytes.readDoubleLE(at) === floatFormat) {
      const version = bytes.readUInt32LE(at + 44);
      return version > 1 ? undefined : version === 1;
    }
  return undefined;
}
