// Whole and damaged segments for the content check, page by page as the server leaves them, and the check's verdict on
// them. The headers come from header-bytes.ts, not from the code under test.
import { checkContent, chunkUnitBytes, type Cluster, type Problem } from '../../src/wal/content-check.ts';
import { parseWalFileName } from '../../src/wal/filename.ts';
import { longHeader, shortHeader, type HeaderFields } from './header-bytes.ts';

export const megabyte = 1024 * 1024;
export const sixteen = 16 * megabyte;
/** The cluster that the check is told of: a server of 15, which writes no pages that we do not know. */
export const cluster: Cluster = { systemIdentifier: 7_300_000_000_000_000_001n, controlVersion: 1300 };
/** The same on a server whose pg_control is newer than the page headers we know. */
export const newerCluster: Cluster = { ...cluster, controlVersion: 1903 };
export const foreign = 7_300_000_000_000_000_002n;

interface Page {
  /** The address that this page claims, instead of the one it has; 'zero' for a page of zeros. */
  claims?: bigint | 'zero';
}

export interface Made extends Partial<HeaderFields> {
  /** What is in the name. */
  name?: string;
  /** The pages from this one on are a tail: zeros, or what an older segment left. */
  tailFrom?: number;
  tail?: 'zero' | 'recycled';
  pages?: Record<number, Page>;
}

export const segment = '00000001000000160000000B';
/** What the segment of that name starts with at 1 MB. */
export const defaults: HeaderFields = {
  magic: 0xd110,
  info: 0x0002,
  timeline: 1,
  pageAddress: 0x16_00b0_0000n,
  systemIdentifier: cluster.systemIdentifier,
  segmentSize: megabyte,
  blockSize: 8192,
  littleEndian: true,
  legacyLayout: false,
};

/** A whole segment, page by page, as the server leaves it; between the headers there is something. */
export function segmentBytes({
  tailFrom = Infinity,
  tail = 'zero',
  pages = {},
  ...fields
}: Made = {}): Buffer {
  const header = { ...defaults, ...fields };
  const bytes = Buffer.alloc(header.segmentSize, 0x5a);
  for (let at = 0; at < bytes.length; at += header.blockSize) {
    const number = at / header.blockSize;
    const own = header.pageAddress + BigInt(at);
    const usual = number < tailFrom ? own : tail === 'zero' ? 'zero' : own - 0x300_0000n;
    const claims = pages[number]?.claims ?? usual;
    if (claims === 'zero') bytes.fill(0, at, at + header.blockSize);
    else if (at === 0) bytes.set(longHeader({ ...header, pageAddress: claims }), at);
    else bytes.set(shortHeader({ ...header, info: 0, pageAddress: claims }), at);
  }
  return bytes;
}

interface Verdict {
  problem: Problem | undefined;
  warning: string | undefined;
}

/** Runs a file through the check in chunks of these lengths, the last one for all that follow. */
export function judge(
  name: string,
  bytes: Uint8Array,
  chunks: number[] = [8 * chunkUnitBytes],
  size = bytes.length,
  of = cluster,
): Verdict {
  const check = checkContent(parseWalFileName(name)!, size, of);
  const verdict = (problem: Problem | undefined): Verdict => ({ problem, warning: check.warning() });
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const length = chunks[Math.min(turn, chunks.length - 1)]!;
    const problem = check.add(bytes.subarray(at, at + length));
    if (problem !== undefined) return verdict(problem);
    at += length;
  }
  return verdict(check.finish());
}

export const whole: Verdict = { problem: undefined, warning: undefined };
export const invalid = (sentence: string): Verdict => ({
  problem: { kind: 'invalid', sentence },
  warning: undefined,
});
