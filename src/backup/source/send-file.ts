// One file of the cluster into the target: read once, its pages looked at, hashed, and handed on chunk by chunk. It may vanish
// or become shorter at any time, which replay makes good.
import { constants } from 'node:fs';
import type { PartCrcs } from '../../copying/sums/crc32c.ts';
import type { ArrivingFile, Target } from '../../copying/target.ts';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import { close, open, statOf } from '../../program/quick-calls.ts';
import type { Buffers } from './buffers.ts';
import { chunksOf } from './chunks.ts';
import type { ChecksumName } from './checksum-names.ts';
import { FileChecksum } from './file-checksum.ts';
import type { PageCheck } from './pages.ts';
import { UnderWay } from './under-way.ts';

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** A file that is to be copied. */
export interface SourceFile {
  /** Absolute. */
  from: string;
  /** Relative to the data directory, at the target. */
  to: string;
  /** Permission bits at the target; default its own. */
  mode?: number;
  /** Looks at the pages of the open file; undefined: it has none. */
  check?: (descriptor: number) => PageCheck;
}

/** What was copied. */
export interface SentFile {
  sizeBytes: number;
  /** For the manifest (file-checksum.ts). */
  checksum: string;
  /** In ms since 1970. */
  modified: number;
  check: PageCheck | undefined;
}

export interface Sending {
  target: Target;
  buffers: Buffers;
  /** Which one the manifest has of each file. */
  checksums: ChecksumName;
  /** Hears of bytes as they have been handed on. */
  progress: (bytes: number) => void;
  signal: AbortSignal;
}

/** Takes the place of another one that the target has compared with; sent again it comes to an empty place. */
const mostAttempts = 2;

export const cannotRead = (path: string, error: unknown): Error =>
  error instanceof ProgramError ? error : fromSystemError(error, `could not read "${path}"`);

/** Undefined where it is not there any more. */
export async function openSource(path: string): Promise<number | undefined> {
  try {
    return await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw cannotRead(path, error);
  }
}

/** Hands the whole file on. What was appended since it was opened comes back with the WAL. */
async function sendOpen(
  file: SourceFile,
  descriptor: number,
  arriving: ArrivingFile,
  sizeBytes: number,
  { buffers, checksums, progress, signal }: Sending,
): Promise<Omit<SentFile, 'modified'>> {
  const checksum = new FileChecksum(checksums);
  const check = file.check?.(descriptor);
  const underWay = new UnderWay();
  let sentBytes = 0;
  try {
    for await (const { buffer, length, offset } of chunksOf(descriptor, sizeBytes, buffers)) {
      const give = (): void => buffers.give(buffer);
      const bytes = buffer.subarray(0, length);
      let damaged: readonly number[] | undefined;
      let known: PartCrcs | undefined;
      try {
        signal.throwIfAborted();
        underWay.throwFault();
        damaged = await check?.look(bytes, offset);
        known = await arriving.compare(bytes);
      } catch (error) {
        give();
        throw error;
      }
      checksum.add(bytes, known);
      underWay.add(arriving.take(bytes, damaged).finally(give));
      progress(length);
      sentBytes += length;
    }
  } finally {
    await underWay.settle();
  }
  underWay.throwFault();
  return { sizeBytes: sentBytes, checksum: checksum.result(), check };
}

async function attempt(
  file: SourceFile,
  descriptor: number,
  sending: Sending,
): Promise<SentFile | 'other' | 'vanished'> {
  const stats = await statOf(descriptor);
  if (!stats.isFile()) return 'vanished';
  const mode = file.mode ?? stats.mode & 0o7777;
  const arriving = await sending.target.file(file.to, mode, sending.signal, sending.checksums === 'CRC32C');
  try {
    const sent = await sendOpen(file, descriptor, arriving, stats.size, sending);
    const outcome = await arriving.end(sent.sizeBytes);
    if (outcome === 'written') return { ...sent, modified: stats.mtimeMs };
    sending.progress(-sent.sizeBytes);
    return 'other';
  } catch (error) {
    await arriving.close().catch(() => undefined);
    throw error;
  }
}

/** Copies one file; 'vanished' where it is not there any more. Throws what keeps it from being read or stored. */
export async function sendFile(file: SourceFile, sending: Sending): Promise<SentFile | 'vanished'> {
  const descriptor = await openSource(file.from);
  if (descriptor === undefined) return 'vanished';
  try {
    for (let count = 1; count <= mostAttempts; count++) {
      const sent = await attempt(file, descriptor, sending);
      if (sent !== 'other') return sent;
    }
  } catch (error) {
    sending.signal.throwIfAborted();
    throw cannotRead(file.from, error);
  } finally {
    await close(descriptor);
  }
  throw new ProgramError('copy-damaged', `"${file.to}" at ${sending.target.url} is not what was sent`, {
    detail: 'It was sent twice, and had other content both times.',
    hint: 'The memory, the disk or the line of one of the two machines changes bytes.',
  });
}
