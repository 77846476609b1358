// The names in a far directory, a hundred with each answer, several answers asked for ahead.
import type { Dir, Dirent } from 'node:fs';
import { asDirent, type FarStats } from './far-stats.ts';
import { throwAsSystem } from './faults.ts';
import { SessionFault, status, StatusError, type Entry, type Handle, type SftpSession } from './session.ts';

/** A directory is asked for its names so many times at once; OpenSSH gives 100 with each answer. */
const listingsAtOnce = 8;
/** No directory has so many names. */
const mostNames = 4_000_000;

async function* namesOf(session: SftpSession, path: string): AsyncGenerator<Entry[], void> {
  const refused = (error: unknown): Promise<never> => throwAsSystem(session, error, 'look', path);
  const handle = await session
    .ask<Handle>((client, done) => client.opendir(path, done))
    .catch((error: unknown) => refused(error));
  const next = async (): Promise<Entry[] | undefined> => {
    try {
      return await session.ask<Entry[]>((client, done) => client.readdir(handle, done));
    } catch (error) {
      if (error instanceof StatusError && error.status === status.endOfFile) return undefined;
      return throwAsSystem(session, error, 'read', path);
    }
  };
  try {
    yield* inOrder(next);
  } finally {
    await session
      .ask<void>((client, done) => client.close(handle, done))
      .catch((error: unknown) => refused(error));
  }
}

/** A server need not say what an entry is. */
async function withKind(session: SftpSession, directory: string, entry: Entry): Promise<Dirent> {
  if (entry.attrs.mode !== undefined) return asDirent(entry);
  const path = `${directory}/${entry.filename}`;
  const attrs = await session
    .ask<FarStats>((client, done) => client.lstat(path, done))
    .catch((error: unknown) => throwAsSystem(session, error, 'look', path));
  return asDirent({ ...entry, attrs });
}

/** All of them. */
export async function listFar(session: SftpSession, path: string): Promise<Dirent[]> {
  const entries: Entry[] = [];
  for await (const some of namesOf(session, path)) {
    entries.push(...some);
    if (entries.length > mostNames) throw new SessionFault('protocol', 'its list of names does not end');
  }
  return Promise.all(entries.map((entry) => withKind(session, path, entry)));
}

/** One after the other. */
export async function openListing(session: SftpSession, path: string): Promise<Pick<Dir, 'read' | 'close'>> {
  const answers = namesOf(session, path);
  const entries: Entry[] = [...((await answers.next()).value ?? [])];
  const read = async (): Promise<Dirent | null> => {
    if (entries.length === 0) entries.push(...((await answers.next()).value ?? []));
    const entry = entries.shift();
    return entry === undefined ? null : withKind(session, path, entry);
  };
  return { read, close: async () => void (await answers.return()) };
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
