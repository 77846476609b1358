// Open files of a far machine. What is written there goes out ahead of its answers; a sync waits for all of them, lets the
// disk confirm, and then reads everything back: SFTP computes no sum over there, so that is the one way to know that what
// gets a name is what was read here.
import { createHash, type Hash } from 'node:crypto';
import type { Stats } from 'node:fs';
import type { FarFile } from '../../program/far-files.ts';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import { asStats, type FarStats } from './far-stats.ts';
import { throwAsSystem, type Verb } from './faults.ts';
import { ReadAhead, readerOf } from './read-ahead.ts';
import { SessionFault, StatusError, type Done, type SftpClient, type SftpSession } from './session.ts';

/** What every server takes in one request (draft-ietf-secsh-filexfer-02, section 3: packets of 34000 bytes). */
const pieceBytes = 31_744;
/** What a server takes that tells its limits (limits@openssh.com): OpenSSH's are twice that. */
const largePieceBytes = 126_976;
/** So much may be on its way at a time. */
const mostUnanswered = 2 * 1024 * 1024;
const readBackBytes = 524_288;

interface Opened {
  session: SftpSession;
  handle: Buffer;
  path: string;
}

abstract class OpenFar implements FarFile {
  protected readonly opened: Opened;

  constructor(opened: Opened) {
    this.opened = opened;
  }

  abstract read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number | null,
  ): Promise<{ bytesRead: number }>;
  abstract write(buffer: Buffer, offset: number, length: number): Promise<{ bytesWritten: number }>;
  abstract sync(): Promise<void>;

  /** It begins by itself, and the server would do nothing else meanwhile. */
  async beginSync(): Promise<void> {}

  async stat(): Promise<Stats> {
    return asStats(await this.ask<FarStats>('look', (client, done) => client.fstat(this.handle, done)));
  }

  changeMode(mode: number): Promise<void> {
    return this.ask('write', (client, done) => client.fsetstat(this.handle, { mode }, done));
  }

  close(): Promise<void> {
    return this.ask('write', (client, done) => client.close(this.handle, done));
  }

  protected get handle(): Buffer {
    return this.opened.handle;
  }

  protected ask<T>(verb: Verb, send: (client: SftpClient, done: Done<T>) => void): Promise<T> {
    const { session, path } = this.opened;
    return session
      .ask<T>(send, verb === 'fsync')
      .catch((error: unknown) => throwAsSystem(session, error, verb, path));
  }

  protected flush(): Promise<void> {
    return this.ask('fsync', (client, done) => client.ext_openssh_fsync(this.handle, done));
  }
}

/** A file that was opened for reading. */
export class ReadFar extends OpenFar {
  private readonly ahead: ReadAhead;
  private position = 0;

  constructor(opened: Opened, sizeBytes: number) {
    super(opened);
    this.ahead = new ReadAhead(sizeBytes, readerOf(opened.session, opened.handle));
  }

  async read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number | null,
  ): Promise<{ bytesRead: number }> {
    const { session, path } = this.opened;
    const bytesRead = await this.ahead
      .into(buffer, offset, length, position ?? this.position)
      .catch((error: unknown) => throwAsSystem(session, error, 'read', path));
    this.position = (position ?? this.position) + bytesRead;
    return { bytesRead };
  }

  write(): never {
    throw new Error(`${this.opened.path} is open for reading`);
  }

  sync(): Promise<void> {
    return this.flush();
  }
}

/** A directory, opened to make its names durable: some servers can, and no other does it by itself. */
export class DirectoryFar extends ReadFar {
  constructor(opened: Opened) {
    super(opened, 0);
  }

  override async sync(): Promise<void> {
    const { session, handle } = this.opened;
    await session
      .ask<void>((client, done) => client.ext_openssh_fsync(handle, done), true)
      .catch((error: unknown) => {
        // It was never promised.
        if (!(error instanceof StatusError)) throw error;
      });
  }
}

/** A new file, written from its beginning on. */
export class WrittenFar extends OpenFar {
  private readonly hash: Hash = createHash('sha256');
  private readonly unanswered = new Set<Promise<void>>();
  private unansweredBytes = 0;
  private sizeBytes = 0;
  private fault: unknown;

  async read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number | null,
  ): Promise<{ bytesRead: number }> {
    await this.settle();
    const read = readerOf(this.opened.session, this.handle);
    const ahead = new ReadAhead(this.sizeBytes, read);
    return { bytesRead: await ahead.into(buffer, offset, length, position ?? 0) };
  }

  /** Returns once it is on its way, with not too much before it; a fault may be that of an earlier call. */
  async write(buffer: Buffer, offset: number, length: number): Promise<{ bytesWritten: number }> {
    this.throwFault();
    const { session } = this.opened;
    const wanted = session.has('limits@openssh.com') ? largePieceBytes : pieceBytes;
    const most = Math.min(wanted, session.longestWrite);
    for (let at = 0; at < length; at += most) this.send(buffer, offset + at, Math.min(most, length - at));
    this.hash.update(buffer.subarray(offset, offset + length));
    while (this.unansweredBytes > mostUnanswered && this.fault === undefined)
      await Promise.race(this.unanswered);
    this.throwFault();
    return { bytesWritten: length };
  }

  async sync(): Promise<void> {
    await this.settle().catch((error: unknown) => {
      // A write that failed is not a disk that does not confirm: the words of a sync are not for it.
      const fault = fromSystemError(error, '');
      if (errnoOf(error) === undefined || !(fault instanceof ProgramError)) throw error;
      throw new SessionFault(fault.kind, fault.message.replace(/^: /, ''), { cause: error });
    });
    const [stats] = await Promise.all([this.stat(), this.flush()]);
    await this.readBack(stats.size);
  }

  override async close(): Promise<void> {
    // A handle that is gone under a write would make that fail.
    await this.settle().catch(() => undefined);
    await super.close();
  }

  private send(buffer: Buffer, offset: number, length: number): void {
    const position = this.sizeBytes;
    this.sizeBytes += length;
    this.unansweredBytes += length;
    const sent = this.ask<void>('write', (client, done) =>
      // The library copies the bytes before it returns.
      client.write(this.handle, buffer, offset, length, position, (error) => done(error, undefined)),
    )
      .catch((error: unknown) => void (this.fault ??= error))
      .then(() => {
        this.unansweredBytes -= length;
        this.unanswered.delete(sent);
      });
    this.unanswered.add(sent);
  }

  private async settle(): Promise<void> {
    await Promise.all(this.unanswered);
    this.throwFault();
  }

  private throwFault(): void {
    if (this.fault !== undefined) throw this.fault as Error;
  }

  private async readBack(sizeBytes: number): Promise<void> {
    const { session, path } = this.opened;
    const found = createHash('sha256');
    const ahead = new ReadAhead(this.sizeBytes, readerOf(session, this.handle));
    const buffer = Buffer.allocUnsafeSlow(Math.max(1, Math.min(readBackBytes, this.sizeBytes)));
    let at = 0;
    while (at < this.sizeBytes) {
      const read = await ahead
        .into(buffer, 0, Math.min(buffer.length, this.sizeBytes - at), at)
        .catch((error: unknown) => throwAsSystem(session, error, 'read', path));
      if (read === 0) break;
      found.update(buffer.subarray(0, read));
      at += read;
    }
    const written = this.hash.copy().digest('hex');
    if (sizeBytes === this.sizeBytes && at === this.sizeBytes && found.digest('hex') === written) return;
    throw new SessionFault('input-output', `${path} reads back as something else than was written`, {
      detail: `${this.sizeBytes} bytes were written with SHA-256 ${written}; the file there has ${sizeBytes}.`,
      hint: 'Look at the disk over there: it, its file system or its SFTP server loses what it has confirmed.',
    });
  }
}
