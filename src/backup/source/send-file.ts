// One file of the cluster into the target: read once, its pages looked at, hashed, and handed on chunk by chunk. It may vanish
// or become shorter at any time, which replay makes good.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import type { ArrivingFile, Target } from '../../copying/target.ts';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import { closeFile, openFile, statOpen } from '../../program/system-calls.ts';
import type { Buffers } from './buffers.ts';
import { chunksOf } from './chunks.ts';
import type { PageCheck } from './pages.ts';
import { UnderWay } from './under-way.ts';

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
  sha256: string;
  /** In ms since 1970. */
  modified: number;
  check: PageCheck | undefined;
}

export interface Sending {
  target: Target;
  buffers: Buffers;
  /** Hears of bytes as they have been handed on. */
  progress: (bytes: number) => void;
  signal: AbortSignal;
}

/** Takes the place of another one that the target has compared with; sent again it comes to an empty place. */
const mostAttempts = 2;

const cannotRead = (path: string, error: unknown): Error =>
  error instanceof ProgramError ? error : fromSystemError(error, `could not read "${path}"`);

async function open(path: string): Promise<number | undefined> {
  try {
    return await openFile(path, constants.O_RDONLY | constants.O_NOFOLLOW);
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
  { buffers, progress, signal }: Sending,
): Promise<Omit<SentFile, 'modified'>> {
  const hash = createHash('sha256');
  const check = file.check?.(descriptor);
  const underWay = new UnderWay();
  let sentBytes = 0;
  try {
    for await (const { buffer, length, offset } of chunksOf(descriptor, sizeBytes, buffers)) {
      const give = (): void => buffers.give(buffer);
      const bytes = buffer.subarray(0, length);
      try {
        signal.throwIfAborted();
        underWay.throwFault();
        await check?.look(buffer, length, offset);
      } catch (error) {
        give();
        throw error;
      }
      hash.update(bytes);
      underWay.add(arriving.take(bytes).finally(give));
      progress(length);
      sentBytes += length;
    }
  } finally {
    await underWay.settle();
  }
  underWay.throwFault();
  return { sizeBytes: sentBytes, sha256: hash.digest('hex'), check };
}

async function attempt(file: SourceFile, descriptor: number, sending: Sending): Promise<SentFile | 'other'> {
  const stats = await statOpen(descriptor);
  const mode = file.mode ?? stats.mode & 0o7777;
  const arriving = await sending.target.file(file.to, mode, sending.signal);
  try {
    const sent = await sendOpen(file, descriptor, arriving, stats.size, sending);
    const outcome = await arriving.end(sent.sizeBytes, sent.sha256);
    if (outcome === 'written') return { ...sent, modified: stats.mtimeMs };
    sending.progress(-sent.sizeBytes);
    return 'other';
  } catch (error) {
    await arriving.discard().catch(() => undefined);
    throw error;
  }
}

/** Copies one file; 'vanished' where it is not there any more. Throws what keeps it from being read or stored. */
export async function sendFile(file: SourceFile, sending: Sending): Promise<SentFile | 'vanished'> {
  const descriptor = await open(file.from);
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
    await closeFile(descriptor);
  }
  throw new ProgramError('copy-damaged', `"${file.to}" at ${sending.target.url} is not what was sent`, {
    detail: 'It was sent twice, and had other content both times.',
    hint: 'The memory, the disk or the line of one of the two machines changes bytes.',
  });
}
