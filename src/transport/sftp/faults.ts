// A status of SFTP as an error of the system. Most of what can go wrong is one status, "failure", without a reason: what it
// was is found out by looking, and where a look does not tell, the error says that.
import { dirname } from 'node:path';
import type { FarStats } from './far-stats.ts';
import { SessionFault, status, StatusError, type Room, type SftpSession } from './session.ts';

/** What was asked for when it failed. */
export type Verb = 'open' | 'create' | 'read' | 'write' | 'fsync' | 'link' | 'make' | 'look' | 'remove';

/** With less than this the disk counts as full, in bytes. */
const nothingLeft = 65_536;
const readOnlyFlag = 1;

const systemError = (code: string, cause: Error): Error =>
  Object.assign(new Error(`${code}: ${cause.message}`, { cause }), { code });

const names: Record<number, string> = {
  // Also of a path through a file, and of links in a circle (sftp-server.c, errno_to_portable).
  [status.noSuchFile]: 'ENOENT',
  [status.denied]: 'EACCES',
  [status.badMessage]: 'EINVAL',
  [status.unsupported]: 'ENOSYS',
};

/** Throws what the failed request on `path` comes to: an error with an errno name, or the fault of the session. */
export async function throwAsSystem(
  session: SftpSession,
  error: unknown,
  verb: Verb,
  path: string,
): Promise<never> {
  if (!(error instanceof StatusError)) throw error;
  // Whoever links has just made a file there: it is the link that is not permitted.
  if (verb === 'link' && error.status === status.denied) throw systemError('EPERM', error);
  // Of an open file it is the handle that the server does not know: nothing is missing.
  const isOpen = ['read', 'write', 'fsync'].includes(verb);
  if (isOpen && error.status === status.noSuchFile) throw systemError('EBADF', error);
  const name = names[error.status] ?? (await findOut(session, verb, path));
  if (name !== undefined) throw systemError(name, error);
  const did = verb === 'make' ? 'make the directory' : verb;
  throw new SessionFault('input-output', `the SFTP server could not ${did} ${path} and gives no reason`, {
    detail: `It answers: ${error.message.slice(0, 200)}.`,
    hint: 'Look at the disk over there, at quotas, and at the log of its sshd.',
    cause: error,
  });
}

async function findOut(session: SftpSession, verb: Verb, path: string): Promise<string | undefined> {
  if (['create', 'link', 'make'].includes(verb) && (await isThere(session, path))) return 'EEXIST';
  if (!['create', 'link', 'make', 'write', 'fsync', 'remove'].includes(verb)) return undefined;
  const room = await session
    .ask<Room>((client, done) => client.ext_openssh_statvfs(dirname(path), done))
    .catch((error: unknown) => {
      if (error instanceof StatusError) return undefined;
      throw error;
    });
  if (room === undefined) return undefined;
  if ((Number(room.f_flag) & readOnlyFlag) !== 0) return 'EROFS';
  if (verb === 'remove') return undefined;
  if (Number(room.f_bavail) * Number(room.f_frsize) < nothingLeft) return 'ENOSPC';
  // Some file systems count no inodes.
  const hasInodes = Number(room.f_files) === 0 || Number(room.f_favail) > 0;
  return verb !== 'write' && verb !== 'fsync' && !hasInodes ? 'ENOSPC' : undefined;
}

async function isThere(session: SftpSession, path: string): Promise<boolean> {
  try {
    await session.ask<FarStats>((client, done) => client.lstat(path, done));
    return true;
  } catch (error) {
    if (error instanceof StatusError) return false;
    throw error;
  }
}
