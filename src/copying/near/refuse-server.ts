// Refuses a directory in which a server runs, or has left processes. Found by its files and by the processes of this machine,
// never by connecting: a server that does not answer may run all the same.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readPostmaster } from '../../postgres/postmaster-file.ts';
import { errnoOf, fromSystemError, ProgramError } from '../../program/program-error.ts';
import { shellWord } from '../../program/shell-word.ts';

/** Throws `target-in-use` where a server works in the directory, a real path. */
export function refuseRunningServer(directory: string): void {
  const postmaster = readPostmaster(directory);
  if (postmaster !== undefined) {
    throw inUse(
      directory,
      'a server runs there',
      `Its process ID is ${postmaster.pid}, as postmaster.pid says.`,
    );
  }
  const pid = processIn(directory);
  if (pid !== undefined) {
    throw inUse(
      directory,
      'a server runs there',
      `Process ${pid} is one of PostgreSQL and works in that directory.`,
    );
  }
  const attached = attachedSharedMemory(directory);
  if (attached === undefined) return;
  throw new ProgramError(
    'target-in-use',
    `cannot copy into ${directory}: a server has left processes there`,
    {
      detail: `Its postmaster is gone, but its shared memory (key ${attached.key}, ID ${attached.id}) is still in use.`,
      hint: 'End all processes of that server first.',
    },
  );
}

function inUse(directory: string, what: string, detail: string): ProgramError {
  return new ProgramError('target-in-use', `cannot copy into ${directory}: ${what}`, {
    detail,
    hint: `Stop it first: pg_ctl stop -D ${shellWord(directory)}`,
  });
}

/** A process of PostgreSQL, postmaster or not, whose working directory this is; those of other users are not to be seen. */
function processIn(directory: string): number | undefined {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const found = pids.find((pid) => linkOf(`/proc/${pid}/cwd`) === directory && isPostgres(pid));
  return found === undefined ? undefined : Number(found);
}

const linkOf = (path: string): string | undefined => {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
};

function isPostgres(pid: string): boolean {
  const program = basename(linkOf(`/proc/${pid}/exe`) ?? '').replace(/ \(deleted\)$/, '');
  return ['postgres', 'postmaster', 'edb-postgres'].includes(program);
}

interface SharedMemory {
  key: string;
  id: string;
}

/**
 * The shared memory that postmaster.pid names in its line 7 (src/include/utils/pidfile.h), if any process still has it. The
 * number alone may be another server's after the machine was started again; the key comes from the directory.
 */
function attachedSharedMemory(directory: string): SharedMemory | undefined {
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
