// The checksum that a manifest has of each file: CRC-32C unless another is asked for, as with PostgreSQL's own tool
// (src/common/checksum_helper.c).
import { createHash, type Hash } from 'node:crypto';
import { Crc32c, type PartCrcs } from '../../copying/sums/crc32c.ts';
import { chunkBytes } from '../../copying/target.ts';
import type { ChecksumName } from './checksum-names.ts';

/** Of one file, whose chunks come in order. */
export class FileChecksum {
  private readonly crc: Crc32c | undefined;
  private readonly hash: Hash | undefined;

  constructor(name: ChecksumName) {
    if (name === 'CRC32C') this.crc = new Crc32c();
    else if (name !== 'NONE') this.hash = createHash(name.toLowerCase());
  }

  /** `known`: of some of its parts, where the target has summed them. */
  add(bytes: Buffer, known?: PartCrcs): void {
    this.hash?.update(bytes);
    this.crc?.add(bytes, known);
  }

  /** Hexadecimal, as a manifest has it; empty where none is wanted. */
  result(): string {
    if (this.crc === undefined) return this.hash?.digest('hex') ?? '';
    // The bytes of the number as they are in memory.
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(this.crc.value);
    return bytes.toString('hex');
  }
}

/** The checksum of bytes that are in memory. */
export function checksumOfBytes(bytes: Buffer, name: ChecksumName): string {
  const checksum = new FileChecksum(name);
  for (let at = 0; at < bytes.length; at += chunkBytes) checksum.add(bytes.subarray(at, at + chunkBytes));
  return checksum.result();
}
