// The tar stream of pg_basebackup, entry by entry into the target. What comes is PostgreSQL's: its exclusions, its label, its
// manifest. Only pg_control is kept aside, because it comes last. The one door to tar-stream.
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Headers } from 'tar-stream';
import { NameSet } from '../../copying/name-set.ts';
import { chunkBytes, type Target } from '../../copying/target.ts';
import { ProgramError } from '../../program/program-error.ts';
import type { Copied } from '../copy-files.ts';
import type { Buffers } from '../source/buffers.ts';
import { UnderWay } from '../source/under-way.ts';

export interface Received {
  copied: Copied;
  control: Buffer;
  label: Buffer;
}

interface Reading {
  target: Target;
  buffers: Buffers;
  progress: (bytes: number) => void;
  signal: AbortSignal;
}

/** Small files that are needed here, too. */
const kept = ['backup_label', 'global/pg_control'];

/** './base/1/1259' and 'base/1/' as the paths of target.ts. */
const pathOf = (name: string): string => name.replace(/^\.\/|\/+$/g, '');

class TarReader {
  readonly contents = new Map<string, Buffer>();
  readonly copied = { files: 0, directories: 0, sizeBytes: 0, removed: 0 };
  readonly leftOut: string[] = [];
  /** Directory by directory, what it has. */
  private readonly names = new Map<string, NameSet>();
  private readonly reading: Reading;

  constructor(reading: Reading) {
    this.reading = reading;
  }

  async entry({ name, type, mode = 0o600 }: Headers, content: AsyncIterable<Buffer>): Promise<void> {
    const path = pathOf(name);
    this.note(path);
    if (type === 'directory') return this.directory(path, mode & 0o7777);
    if (type !== 'file') return void this.leftOut.push(path);
    if (kept.includes(path)) {
      const bytes = await whole(content);
      this.contents.set(path, bytes);
      if (path === 'global/pg_control') return;
      return this.file(path, mode & 0o7777, bytesIn(bytes));
    }
    return this.file(path, mode & 0o7777, content);
  }

  /** After the last entry: what else is there goes. */
  async sweep(): Promise<void> {
    const { target, signal } = this.reading;
    for (const [path, names] of this.names) this.copied.removed += await target.sweep(path, names, signal);
  }

  private note(path: string): void {
    const at = path.lastIndexOf('/');
    const directory = at < 0 ? '' : path.slice(0, at);
    const names = this.names.get(directory) ?? new NameSet();
    names.add(path.slice(at + 1));
    this.names.set(directory, names);
  }

  private async directory(path: string, mode: number): Promise<void> {
    this.copied.directories += 1;
    if (path === '') return;
    if (!this.names.has(path)) this.names.set(path, new NameSet());
    // What it is, the target knows: perhaps a link.
    if (path !== 'pg_wal') await this.reading.target.directory(path, mode, this.reading.signal);
  }

  private async file(path: string, mode: number, content: AsyncIterable<Buffer>): Promise<void> {
    const { target, signal } = this.reading;
    const arriving = await target.file(path, mode, signal);
    const underWay = new UnderWay();
    let sizeBytes = 0;
    try {
      for await (const { bytes, give } of inChunks(content, this.reading.buffers)) {
        signal.throwIfAborted();
        sizeBytes += bytes.length;
        underWay.throwFault();
        underWay.add(arriving.take(bytes).finally(give));
        this.reading.progress(bytes.length);
      }
      await underWay.settle();
      underWay.throwFault();
      if ((await arriving.end(sizeBytes)) === 'other') throw other(path, target.url);
    } catch (error) {
      await underWay.settle();
      await arriving.close().catch(() => undefined);
      throw error;
    }
    this.copied.files += 1;
    this.copied.sizeBytes += sizeBytes;
  }
}

const other = (path: string, url: string): ProgramError =>
  new ProgramError('copy-damaged', `"${path}" at ${url} is not what was sent`, {
    detail: 'What was there seemed to be the same and was not; it is gone now.',
    hint: 'Call again: it is sent as a whole then.',
  });

async function whole(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* bytesIn(bytes: Buffer): AsyncGenerator<Buffer> {
  if (bytes.length > 0) yield bytes;
}

/** Bytes in chunks of the size that a target takes; each is given back by whoever took it. */
async function* inChunks(
  content: AsyncIterable<Buffer>,
  buffers: Buffers,
): AsyncGenerator<{ bytes: Buffer; give: () => void }> {
  let buffer: Buffer | undefined;
  let filled = 0;
  const full = (): { bytes: Buffer; give: () => void } => {
    const whole = buffer!;
    const bytes = whole.subarray(0, filled);
    buffer = undefined;
    filled = 0;
    return { bytes, give: () => buffers.give(whole) };
  };
  try {
    for await (const piece of content) {
      for (let at = 0; at < piece.length;) {
        buffer ??= await buffers.take();
        const copied = piece.copy(buffer, filled, at, at + chunkBytes - filled);
        at += copied;
        filled += copied;
        if (filled === chunkBytes) yield full();
      }
    }
    if (filled > 0) yield full();
  } finally {
    if (buffer !== undefined) buffers.give(buffer);
  }
}

/** Reads the stream to its end. Throws `protocol` for one that lacks what every backup has. */
export async function readTar(stream: Readable, reading: Reading): Promise<Received> {
  const reader = new TarReader(reading);
  const parser = extract();
  // streamx's streams are read as Node's are, but have other methods.
  const entries = parser as unknown as AsyncIterable<AsyncIterable<Buffer> & { header: Headers }>;
  const feeding = pipeline(stream, parser as unknown as Writable, { signal: reading.signal });
  // Heard of below, when the entries end with it.
  feeding.catch(() => undefined);
  for await (const entry of entries) await reader.entry(entry.header, entry);
  await feeding;
  const [label, control] = kept.map((path) => reader.contents.get(path));
  if (label === undefined || control === undefined)
    throw new ProgramError('protocol', 'what pg_basebackup has written is no base backup');
  await reader.sweep();
  return { copied: { ...reader.copied, damaged: [], leftOut: reader.leftOut }, control, label };
}
