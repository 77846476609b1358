// The calls of program/far-files.ts over an SFTP session. A name is only ever given by hardlink@openssh.com, which never
// replaces; posix-rename@openssh.com, which does, is for records that are meant to be replaced, and never for a WAL file.
import type { Stats } from 'node:fs';
import { enterFarFile, type FarFiles } from '../../program/far-files.ts';
import { DirectoryFar, ReadFar, WrittenFar } from './far-file.ts';
import { asDirent, asStats, type FarStats } from './far-stats.ts';
import { throwAsSystem, type Verb } from './faults.ts';
import {
  SessionFault,
  status,
  StatusError,
  type Done,
  type Entry,
  type Handle,
  type SftpClient,
  type SftpSession,
} from './session.ts';

/** A directory is asked for its names so many times at once; OpenSSH gives 100 with each answer. */
const listingsAtOnce = 8;
/** No directory has so many names. */
const mostNames = 4_000_000;
/** What every server gives in one answer, in bytes. */
const wholeAnswer = 16_384;
/** Records are far shorter. */
const longestText = 16 * 1024 * 1024;

export function filesOver(session: SftpSession, prefix: string): FarFiles {
  const there = (path: string): string => path.slice(prefix.length) || '/';
  const ask = <T>(verb: Verb, path: string, send: (client: SftpClient, done: Done<T>) => void): Promise<T> =>
    session.ask<T>(send).catch((error: unknown) => throwAsSystem(session, error, verb, path));

  const statOf = (path: string): Promise<FarStats> =>
    ask('look', path, (client, done) => client.stat(path, done));

  async function open(mounted: string, flags: string | number, mode = 0o600): Promise<number> {
    const path = there(mounted);
    if (flags === 'wx') {
      const send = (client: SftpClient, done: Done<Handle>) => client.open(path, 'wx+', { mode }, done);
      return enterFarFile(new WrittenFar({ session, path, handle: await ask('create', path, send) }));
    }
    // Looked at first: to open a FIFO would stop the server for good.
    const stats = await statOf(path);
    if (stats.isDirectory()) return enterFarFile(await openDirectory(path));
    if (!stats.isFile()) return enterFarFile(notRegular(stats));
    const handle = await ask<Handle>('open', path, (client, done) => client.open(path, 'r', {}, done));
    return enterFarFile(new ReadFar({ session, path, handle }, stats.size ?? 0));
  }

  async function openDirectory(path: string) {
    try {
      const handle = await session.ask<Handle>((client, done) => client.open(path, 'r', {}, done));
      return new DirectoryFar({ session, path, handle });
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      // Most servers open no directory as a file. It cannot be made durable, which is what this road lacks.
      return { ...notRegular(await statOf(path)), sync: async () => undefined };
    }
  }

  async function readText(mounted: string, encoding: 'utf8' | 'latin1'): Promise<string> {
    const path = there(mounted);
    const stats = await statOf(path);
    const size = stats.size ?? longestText;
    if (!stats.isFile() || size > longestText)
      throw new SessionFault('input-output', `${path} is no record of an archive`);
    const handle = await ask<Handle>('open', path, (client, done) => client.open(path, 'r', {}, done));
    const file = new ReadFar({ session, path, handle }, size);
    const bytes = Buffer.alloc(size + 1);
    const reading = file.read(bytes, 0, bytes.length, 0);
    // Both at once, where one answer has it all: the server answers in order.
    if (size > wholeAnswer) await reading.catch(() => undefined);
    const [{ bytesRead }] = await Promise.all([reading, file.close()]);
    return bytes.toString(encoding, 0, bytesRead);
  }

  async function* namesOf(path: string): AsyncGenerator<Entry[], void> {
    const handle = await ask<Handle>('look', path, (client, done) => client.opendir(path, done));
    try {
      const next = (): Promise<Entry[] | undefined> =>
        session
          .ask<Entry[]>((client, done) => client.readdir(handle, done))
          .catch((error: unknown) => {
            if (error instanceof StatusError && error.status === status.endOfFile) return undefined;
            return throwAsSystem(session, error, 'read', path);
          });
      yield* inOrder(next);
    } finally {
      await ask<void>('look', path, (client, done) => client.close(handle, done));
    }
  }

  async function readDirectory(mounted: string, atMost = Infinity) {
    const path = there(mounted);
    const entries: Entry[] = [];
    for await (const some of namesOf(path)) {
      entries.push(...some);
      if (entries.length > mostNames) throw new SessionFault('protocol', 'its list of names does not end');
      if (entries.length >= atMost) break;
    }
    return Promise.all(entries.map(withKind(path)));
  }

  /** A server need not say what an entry is. */
  const withKind = (directory: string) => async (entry: Entry) => {
    if (entry.attrs.mode !== undefined) return asDirent(entry);
    const path = `${directory}/${entry.filename}`;
    const attrs = await ask<FarStats>('look', path, (client, done) => client.lstat(path, done));
    return asDirent({ ...entry, attrs });
  };

  async function makeDirectory(mounted: string, mode: number): Promise<void> {
    const path = there(mounted);
    await ask<void>('make', path, (client, done) => client.mkdir(path, { mode }, done));
    await ask<void>('write', path, (client, done) => client.setstat(path, { mode }, done));
  }

  async function rename(from: string, to: string): Promise<void> {
    if (!session.has('posix-rename@openssh.com'))
      throw new SessionFault('not-allowed', 'the SFTP server cannot replace a record in one step', {
        detail: 'It has no posix-rename@openssh.com.',
        hint: "Use OpenSSH's SFTP server over there, or install twowarm there.",
      });
    await ask<void>('write', there(to), (client, done) =>
      client.ext_openssh_rename(there(from), there(to), done),
    );
  }

  return {
    open,
    readText,
    readDirectory,
    makeDirectory,
    rename,
    lstat: async (path) =>
      asStats(await ask<FarStats>('look', there(path), (client, done) => client.lstat(there(path), done))),
    stat: async (path) => asStats(await statOf(there(path))),
    link: (from, to) =>
      ask('link', there(to), (client, done) => client.ext_openssh_hardlink(there(from), there(to), done)),
    unlink: (path) => ask('remove', there(path), (client, done) => client.unlink(there(path), done)),
    realPath: async (path) =>
      prefix +
      (await ask<string>('look', there(path), (client, done) => client.realpath(there(path), done))),
  };
}

/** What an open file that nobody may read looks like. */
function notRegular(stats: FarStats) {
  const refuse = (): never => {
    throw new Error('it is no regular file');
  };
  const done = async (): Promise<void> => undefined;
  return {
    read: refuse,
    write: refuse,
    changeMode: refuse,
    sync: refuse,
    stat: async (): Promise<Stats> => asStats(stats),
    close: done,
  };
}

/** The answers in the order in which they were asked for, several ahead, until one is undefined. */
async function* inOrder<T>(next: () => Promise<T | undefined>): AsyncGenerator<T, void> {
  const waiting: Promise<T | undefined>[] = [];
  const ask = (): void => {
    const answer = next();
    answer.catch(() => undefined);
    waiting.push(answer);
  };
  try {
    for (let count = 0; count < listingsAtOnce; count++) ask();
    for (;;) {
      const answer = await waiting.shift()!;
      if (answer === undefined) return;
      ask();
      yield answer;
    }
  } finally {
    await Promise.allSettled(waiting);
  }
}
