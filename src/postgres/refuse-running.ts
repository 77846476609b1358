// Refuses a data directory in which PostgreSQL is at work, in the words of who would change its configuration.
import { ProgramError } from '../program/program-error.ts';
import { controlLine, type Controlled } from './control-line.ts';
import { serverAtWorkIn } from './server-at-work.ts';

const endThem = (message: string, detail: string): ProgramError =>
  new ProgramError('server-running', message, {
    detail,
    hint: 'See what they are (ps -fp), and end them with SIGTERM; do not remove postmaster.pid of a server that runs.',
  });

/** Throws `server-running`; nothing where there is no such directory. */
export function refuseRunningServer(dataDirectory: string, server?: Controlled['server']): void {
  const found = serverAtWorkIn(dataDirectory);
  if (found === undefined) return;
  if (found.by === 'postmaster')
    throw new ProgramError('server-running', `a server runs in ${dataDirectory} (process ${found.pid})`, {
      hint: `Stop it first: ${controlLine('stop', { dataDirectory, server })}, or the way your system does it.`,
    });
  if (found.by === 'shared-memory')
    throw endThem(
      `a server has left processes in ${dataDirectory}`,
      `Its postmaster is gone, but its shared memory (key ${found.key}, ID ${found.id}) is still in use.`,
    );
  const which = `${found.pids.length === 1 ? 'process' : 'processes'} ${found.pids.join(', ')}`;
  throw endThem(
    `PostgreSQL is at work in ${dataDirectory} (${which})`,
    'postmaster.pid names no running server: it was removed, or the server was killed and has left these behind, or this is a server in single-user mode.',
  );
}
