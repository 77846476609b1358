// Whether the server that called us still lives. A call that waits outlives a server that was killed, and its answer
// would reach a startup process without a postmaster. Found by the parent at the start and by postmaster.pid: a parent
// of 1 proves nothing in containers (trap T11).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface WatchedServer {
  isAlive(): boolean;
}

interface ProcessIdentity {
  pid: number;
  /** Clock ticks since boot: another process with the same id has another one. */
  startedAt: string;
}

/** The process that lives under this id, from proc(5); undefined for none and for one that nobody has reaped yet. */
function identify(pid: number): ProcessIdentity | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is a name in parentheses and may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : { pid, startedAt: fields[19]! };
  } catch {
    return undefined;
  }
}

/** The process id in postmaster.pid (its first line, src/include/utils/pidfile.h); undefined where no server runs. */
export function readPostmasterPid(dataDirectory: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(join(dataDirectory, 'postmaster.pid'), 'latin1'), 10);
    // A standalone backend writes its own with a minus.
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The server of this data directory as it is now. Where none runs (a person calls), only the parent counts. One that is
 * gone already and has left its postmaster.pid was killed while this call was starting.
 */
export function watchedServer(dataDirectory: string): WatchedServer {
  const parent = process.ppid;
  const pid = readPostmasterPid(dataDirectory);
  const postmaster = pid === undefined ? undefined : identify(pid);
  if (pid !== undefined && postmaster === undefined) return { isAlive: () => false };
  const isThere = (then: ProcessIdentity): boolean => identify(then.pid)?.startedAt === then.startedAt;
  return {
    isAlive: () => process.ppid === parent && (postmaster === undefined || isThere(postmaster)),
  };
}
