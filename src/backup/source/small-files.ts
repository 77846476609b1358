// Small files of one directory into the target, as many at once as fit into a chunk: each is read and looked at as any other, and
// costs no conversation of its own.
import { mostSeveral, type WholeFile } from '../../copying/target.ts';
import { close, read, statOf } from '../../program/quick-calls.ts';
import { fill } from '../../transport/copy.ts';
import { FileChecksum } from './file-checksum.ts';
import { cannotRead, openSource, type Sending, type SentFile, type SourceFile } from './send-file.ts';

/** A file with its name in the directory. */
export interface NamedFile extends SourceFile {
  name: string;
}

/** What became of a file: 'alone': it is too large, or has to be sent again by itself. */
export type Fate = SentFile | 'vanished' | 'alone';

/** Hears of each file once. */
export type OnFate = (file: NamedFile, fate: Fate) => void;

interface Gathered {
  file: NamedFile;
  whole: WholeFile;
  sent: SentFile;
}

/** Those that were read and not sent yet, in one buffer. */
class Group {
  readonly gathered: Gathered[] = [];
  private readonly buffer: Buffer;
  private filled = 0;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  hasRoomFor(sizeBytes: number): boolean {
    return this.gathered.length < mostSeveral.files && this.filled + sizeBytes <= mostSeveral.bytes;
  }

  /**
   * Reads as much of the file as it had; what was appended since comes back with the WAL. 'alone': it has damaged pages, of which
   * what is there has to be spared.
   */
  async read(
    file: NamedFile,
    descriptor: number,
    { size, mode, mtimeMs }: { size: number; mode: number; mtimeMs: number },
    { checksums }: Sending,
  ): Promise<'read' | 'alone'> {
    const room = this.buffer.subarray(this.filled, this.filled + size);
    const bytes = room.subarray(0, await fill(descriptor, room, 0, read));
    const check = file.check?.(descriptor);
    const damaged = await check?.look(bytes, 0);
    if (damaged !== undefined && damaged.length > 0) return 'alone';
    const checksum = new FileChecksum(checksums);
    checksum.add(bytes);
    this.filled += bytes.length;
    this.gathered.push({
      file,
      whole: { name: file.name, mode: file.mode ?? mode & 0o7777, bytes },
      sent: { sizeBytes: bytes.length, checksum: checksum.result(), modified: mtimeMs, check },
    });
    return 'read';
  }

  clear(): void {
    this.gathered.length = 0;
    this.filled = 0;
  }
}

async function send(directory: string, group: Group, sending: Sending, onFate: OnFate): Promise<void> {
  const { target, progress, signal } = sending;
  const { gathered } = group;
  if (gathered.length === 0) return;
  signal.throwIfAborted();
  const files = gathered.map(({ whole }) => whole);
  const isWritten = (await target.several(directory, files, signal)) === 'written';
  for (const { file, sent } of gathered) {
    if (isWritten) progress(sent.sizeBytes);
    onFate(file, isWritten ? sent : 'alone');
  }
  group.clear();
}

/** 'read' where it is in the group now. */
async function gather(
  directory: string,
  file: NamedFile,
  group: Group,
  sending: Sending,
  onFate: OnFate,
): Promise<'read' | 'vanished' | 'alone'> {
  const descriptor = await openSource(file.from);
  if (descriptor === undefined) return 'vanished';
  try {
    const stats = await statOf(descriptor);
    if (!stats.isFile()) return 'vanished';
    if (stats.size > mostSeveral.bytes) return 'alone';
    if (!group.hasRoomFor(stats.size)) await send(directory, group, sending, onFate);
    return await group.read(file, descriptor, stats, sending);
  } catch (error) {
    sending.signal.throwIfAborted();
    throw cannotRead(file.from, error);
  } finally {
    await close(descriptor);
  }
}

/** Copies those of the files that are small; a large one is not read. Throws what keeps one from being read or stored. */
export async function sendSmallFiles(
  directory: string,
  files: readonly NamedFile[],
  sending: Sending,
  onFate: OnFate,
): Promise<void> {
  await sending.buffers.lend(async (buffer) => {
    const group = new Group(buffer);
    for (const file of files) {
      sending.signal.throwIfAborted();
      const fate = await gather(directory, file, group, sending, onFate);
      if (fate !== 'read') onFate(file, fate);
    }
    await send(directory, group, sending, onFate);
  });
}
