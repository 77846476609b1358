// Whether anything of PostgreSQL works in a data directory: its postmaster, a single-user server, or what is left of a
// server whose postmaster was killed. By postmaster.pid and by the processes there are, so that a removed postmaster.pid
// hides nobody; never by whether somebody answers, which a wrong port or a refused login keeps from us, too.
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { errnoOf, fromSystemError, ProgramError } from '../program/program-error.ts';
import { shellWord } from '../program/shell-word.ts';
import { readPostmaster } from './postmaster-file.ts';

/**
 * Throws `server-running` where a server runs in the data directory, or processes of one that has died; nothing where
 * there is no such directory. Of a server in another container that has the directory mounted, this machine's processes say
 * nothing; PostgreSQL itself cannot tell either.
 */
export function refuseRunningServer(dataDirectory: string): void {
  const postmaster = readPostmaster(dataDirectory)?.pid;
  if (postmaster !== undefined) {
    throw new ProgramError('server-running', `a server runs in ${dataDirectory} (process ${postmaster})`, {
      hint: `Stop it first: pg_ctl stop -D ${shellWord(dataDirectory)}, or the way your system does it.`,
    });
  }
  const left = serverProcessesIn(dataDirectory);
  if (left.length === 0) return;
  const which = `${left.length === 1 ? 'process' : 'processes'} ${left.join(', ')}`;
  throw new ProgramError('server-running', `PostgreSQL is at work in ${dataDirectory} (${which})`, {
    detail:
      'postmaster.pid names no running server: it was removed, or the server was killed and has left these behind, or this is a server in single-user mode.',
    hint: 'See what they are (ps -fp), and end them with SIGTERM; do not remove postmaster.pid of a server that runs.',
  });
}

/** The processes that work in the directory and whose program is PostgreSQL's server; in the order of their numbers. */
function serverProcessesIn(dataDirectory: string): number[] {
  const directory = identityOf(dataDirectory);
  if (directory === undefined) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isServer(pid) && identityOf(`/proc/${pid}/cwd`) === directory)
    .sort((one, other) => one - other);
}

/** By its file, also one that an upgrade has replaced; a process of another user, who cannot be the server's, is none. */
function isServer(pid: number): boolean {
  try {
    const program = basename(readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, ''));
    return ['postgres', 'postmaster', 'edb-postgres'].includes(program);
  } catch {
    return false;
  }
}

/** By device and number, for another mount namespace knows it by another path. */
function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || path.startsWith('/proc/')) return undefined;
    throw fromSystemError(error, `could not look at ${path}`);
  }
}
