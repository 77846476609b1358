// Whether anything of PostgreSQL works in a data directory: its postmaster, a single-user server, or what is left of a
// server whose postmaster was killed. By postmaster.pid, the processes there are and their shared memory, so that a removed
// postmaster.pid hides nobody; never by whether somebody answers, which a wrong port or a refused login keeps from us, too.
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { errnoOf, fromSystemError } from '../program/program-error.ts';
import { readPostmaster } from './postmaster-file.ts';

export type ServerAtWork =
  | { by: 'postmaster'; pid: number }
  /** Processes of PostgreSQL whose working directory this is; in the order of their numbers. */
  | { by: 'processes'; pids: readonly number[] }
  /** Shared memory that postmaster.pid names and that somebody still has. */
  | { by: 'shared-memory'; key: string; id: string };

/**
 * Undefined where nothing works there, or where there is no such directory. Of a server in another container that has the
 * directory mounted, this machine's processes say nothing; PostgreSQL itself cannot tell either.
 */
export function serverAtWorkIn(dataDirectory: string): ServerAtWork | undefined {
  const postmaster = readPostmaster(dataDirectory)?.pid;
  if (postmaster !== undefined) return { by: 'postmaster', pid: postmaster };
  const pids = serverProcessesIn(dataDirectory);
  if (pids.length > 0) return { by: 'processes', pids };
  const attached = attachedSharedMemory(dataDirectory);
  return attached === undefined ? undefined : { by: 'shared-memory', ...attached };
}

/** The directories that servers of this machine work in, each once, as far as this user can see them. */
export const directoriesOfServers = (): string[] => [
  ...new Set(serverProcesses().flatMap((pid) => aimOf(`/proc/${pid}/cwd`) ?? [])),
];

function serverProcessesIn(dataDirectory: string): number[] {
  const directory = identityOf(dataDirectory);
  if (directory === undefined) return [];
  return serverProcesses().filter((pid) => identityOf(`/proc/${pid}/cwd`) === directory);
}

/** In the order of their numbers. */
const serverProcesses = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isServer(pid))
    .sort((one, other) => one - other);

const aimOf = (path: string): string | undefined => {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
};

/** By its file, also one that an upgrade has replaced; a process of another user, who cannot be the server's, is none. */
function isServer(pid: number): boolean {
  const program = basename((aimOf(`/proc/${pid}/exe`) ?? '').replace(/ \(deleted\)$/, ''));
  return ['postgres', 'postmaster', 'edb-postgres'].includes(program);
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

/**
 * The shared memory that postmaster.pid names in its line 7 (src/include/utils/pidfile.h), if any process still has it. The
 * number alone may be another server's after the machine was started again; the key comes from the directory.
 */
function attachedSharedMemory(directory: string): { key: string; id: string } | undefined {
  const line = textOf(join(directory, 'postmaster.pid')).split('\n')[6] ?? '';
  const [key, id] = line.trim().split(/\s+/);
  if (key === undefined || id === undefined) return undefined;
  const rows = textOf('/proc/sysvipc/shm')
    .split('\n')
    .map((row) => row.trim().split(/\s+/));
  // key, shmid, perms, size, cpid, lpid, nattch (ipc/shm.c of Linux). The kernel prints the key with its sign.
  const isIt = (row: string[]): boolean => row[1] === id && Number(row[0]) >>> 0 === Number(key) >>> 0;
  return rows.some((row) => isIt(row) && Number(row[6]) > 0) ? { key, id } : undefined;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw fromSystemError(error, `could not read file "${path}"`);
  }
}
