// The calls of program/far-files.ts over an SFTP session. A name is only ever given by hardlink@openssh.com, which never
// replaces; posix-rename@openssh.com, which does, is for records that are meant to be replaced, and never for a WAL file.
import type { Dir, Dirent, Stats } from 'node:fs';
import { enterFarFile, lastingName, type FarFile, type FarFiles } from '../../program/far-files.ts';
import { errnoOf } from '../../program/program-error.ts';
import { DirectoryFar, ReadFar, WrittenFar } from './far-file.ts';
import { asStats, type FarStats } from './far-stats.ts';
import { throwAsSystem, type Verb } from './faults.ts';
import { listFar, openListing } from './listing.ts';
import {
  SessionFault,
  StatusError,
  type Done,
  type Handle,
  type SftpClient,
  type SftpSession,
} from './session.ts';

/** What every server gives in one answer, in bytes. */
const wholeAnswer = 16_384;
/** Records are far shorter. */
const longestText = 16 * 1024 * 1024;

/** Files that were made and have not been removed, by their lasting names; mostly temporary ones that are being written. */
const made = new Map<string, SftpSession>();

/** What this process has made at a place over sessions that were cut: nobody removes it any more. */
export const leftBehindAt = (origin: string): string[] =>
  [...made].flatMap(([name, { isOpen }]) => (!isOpen && name.startsWith(`${origin}/`) ? [name] : []));

export class SftpFiles implements FarFiles {
  private readonly session: SftpSession;
  private readonly prefix: string;

  /** `prefix`: where the root of the far machine is mounted. */
  constructor(session: SftpSession, prefix: string) {
    this.session = session;
    this.prefix = prefix;
  }

  async lstat(mounted: string): Promise<Stats> {
    const path = this.there(mounted);
    return asStats(await this.ask<FarStats>('look', path, (client, done) => client.lstat(path, done)));
  }

  async stat(mounted: string): Promise<Stats> {
    return asStats(await this.look(this.there(mounted)));
  }

  readDirectory(mounted: string): Promise<Dirent[]> {
    return listFar(this.session, this.there(mounted));
  }

  openDirectory(mounted: string): Promise<Pick<Dir, 'read' | 'close'>> {
    return openListing(this.session, this.there(mounted));
  }

  async open(mounted: string, flags: string | number, mode = 0o600): Promise<number> {
    const path = this.there(mounted);
    if (flags !== 'wx') return enterFarFile(await this.openThere(path));
    // Also where no answer comes any more: it may have been made.
    made.set(lastingName(mounted), this.session);
    const create = (client: SftpClient, done: Done<Handle>) => client.open(path, 'wx+', { mode }, done);
    const handle = await this.ask('create', path, create);
    return enterFarFile(new WrittenFar({ session: this.session, path, handle }));
  }

  async readText(mounted: string, encoding: 'utf8' | 'latin1'): Promise<string> {
    const path = this.there(mounted);
    const stats = await this.look(path);
    const size = stats.size ?? longestText;
    if (!stats.isFile() || size > longestText)
      throw new SessionFault('input-output', `${path} is no record of an archive`);
    const file = await this.openFile(path, size);
    const bytes = Buffer.alloc(size + 1);
    const reading = file.read(bytes, 0, bytes.length, 0);
    // Both at once, where one answer has it all: the server answers in order.
    if (size > wholeAnswer) await reading.catch(() => undefined);
    const [{ bytesRead }] = await Promise.all([reading, file.close()]);
    // A longer record was put in its place between the look and the opening.
    if (bytesRead > size) return this.readText(mounted, encoding);
    return bytes.toString(encoding, 0, bytesRead);
  }

  async makeDirectory(mounted: string, mode: number): Promise<void> {
    const path = this.there(mounted);
    await this.ask<void>('make', path, (client, done) => client.mkdir(path, { mode }, done));
    await this.ask<void>('write', path, (client, done) => client.setstat(path, { mode }, done));
  }

  link(from: string, to: string): Promise<void> {
    const paths = [this.there(from), this.there(to)] as const;
    return this.ask('link', paths[1], (client, done) => client.ext_openssh_hardlink(...paths, done));
  }

  async rename(from: string, to: string): Promise<void> {
    if (!this.session.has('posix-rename@openssh.com'))
      throw new SessionFault('not-allowed', 'the SFTP server cannot replace a record in one step', {
        detail: 'It has no posix-rename@openssh.com.',
        hint: "Use OpenSSH's SFTP server over there, or install twowarm there.",
      });
    const paths = [this.there(from), this.there(to)] as const;
    await this.ask<void>('write', paths[1], (client, done) => client.ext_openssh_rename(...paths, done));
    made.delete(lastingName(from));
  }

  async unlink(mounted: string): Promise<void> {
    const path = this.there(mounted);
    try {
      await this.ask<void>('remove', path, (client, done) => client.unlink(path, done));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') made.delete(lastingName(mounted));
      throw error;
    }
    made.delete(lastingName(mounted));
  }

  async realPath(mounted: string): Promise<string> {
    const path = this.there(mounted);
    return (
      this.prefix + (await this.ask<string>('look', path, (client, done) => client.realpath(path, done)))
    );
  }

  private there(mounted: string): string {
    return mounted.slice(this.prefix.length) || '/';
  }

  private ask<T>(verb: Verb, path: string, send: (client: SftpClient, done: Done<T>) => void): Promise<T> {
    return this.session
      .ask<T>(send)
      .catch((error: unknown) => throwAsSystem(this.session, error, verb, path));
  }

  private look(path: string): Promise<FarStats> {
    return this.ask('look', path, (client, done) => client.stat(path, done));
  }

  private async openFile(path: string, sizeBytes: number): Promise<ReadFar> {
    const open = (client: SftpClient, done: Done<Handle>) => client.open(path, 'r', {}, done);
    const handle = await this.ask('open', path, open);
    return new ReadFar({ session: this.session, path, handle }, sizeBytes);
  }

  /** Looked at first: to open a FIFO would stop the server for good. */
  private async openThere(path: string): Promise<FarFile> {
    const stats = await this.look(path);
    if (stats.isFile()) return this.openFile(path, stats.size ?? 0);
    return stats.isDirectory() ? this.openToSync(path, stats) : unreadable(stats);
  }

  private async openToSync(path: string, stats: FarStats): Promise<FarFile> {
    const { session } = this;
    try {
      const handle = await session.ask<Handle>((client, done) => client.open(path, 'r', {}, done));
      return new DirectoryFar({ session, path, handle });
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      // Most servers open no directory as a file. It cannot be made durable, which is what this road lacks.
      return { ...unreadable(stats), sync: async () => undefined };
    }
  }
}

/** Something that nobody reads; it can still be said what it is. */
function unreadable(stats: FarStats): FarFile {
  const refuse = async (): Promise<never> => {
    throw new Error('it is no regular file');
  };
  return {
    read: refuse,
    write: refuse,
    changeMode: refuse,
    sync: refuse,
    beginSync: refuse,
    stat: async () => asStats(stats),
    close: async () => undefined,
  };
}
