// postmaster.pid: whether the server of a data directory runs, where it listens, and how far its start has come
// (src/include/utils/pidfile.h). What it says of itself to a client is client.ts.
import { readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, fromSystemError } from '../program/program-error.ts';

export interface Postmaster {
  pid: number;
  port: number;
  /** The first of unix_socket_directories; undefined where there is none. */
  socketDirectory: string | undefined;
  /** The first of listen_addresses, perhaps '*'; undefined where there is none. */
  listenAddress: string | undefined;
  /** `standby`: it recovers and takes no connections; `ready`: it takes them, which a hot standby does, too. */
  status: 'starting' | 'stopping' | 'standby' | 'ready' | undefined;
}

const statuses = ['starting', 'stopping', 'standby', 'ready'] as const;

/** The postmaster that runs in this data directory; undefined where none does, also if a dead one left its file. */
export function readPostmaster(dataDirectory: string): Postmaster | undefined {
  const path = join(dataDirectory, 'postmaster.pid');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fromSystemError(error, `could not read ${path}`);
  }
  const [pid, , , port, socketDirectory, listenAddress, , status] = text.split('\n');
  const id = Number(pid);
  // A standalone backend writes its process id with a minus.
  if (!Number.isInteger(id) || id <= 0 || !runsIn(id, dataDirectory)) return undefined;
  return {
    pid: id,
    port: Number(port),
    socketDirectory: socketDirectory || undefined,
    listenAddress: listenAddress || undefined,
    status: statuses.find((each) => each === status?.trim()),
  };
}

/** Whether the process lives and is this server: its number may be another's by now, but a postmaster works in its data directory. */
function runsIn(pid: number, dataDirectory: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dataDirectory);
  } catch (error) {
    // Of another user, who must be asked otherwise; gone, or a zombie.
    return errnoOf(error) === 'EACCES' && answers(pid);
  }
}

function answers(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}
