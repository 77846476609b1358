// Refuses a directory in which a server runs, or has left processes, in the words of who would copy into it.
import { controlLine } from '../../postgres/control-line.ts';
import { serverAtWorkIn } from '../../postgres/server-at-work.ts';
import { ProgramError } from '../../program/program-error.ts';

/** Throws `target-in-use` where a server works in the directory, a real path. */
export function refuseRunningServer(directory: string): void {
  const found = serverAtWorkIn(directory);
  if (found === undefined) return;
  if (found.by === 'shared-memory')
    throw new ProgramError(
      'target-in-use',
      `cannot copy into ${directory}: a server has left processes there`,
      {
        detail: `Its postmaster is gone, but its shared memory (key ${found.key}, ID ${found.id}) is still in use.`,
        hint: 'End all processes of that server first.',
      },
    );
  const detail =
    found.by === 'postmaster'
      ? `Its process ID is ${found.pid}, as postmaster.pid says.`
      : `Process ${found.pids[0]} is one of PostgreSQL and works in that directory.`;
  throw new ProgramError('target-in-use', `cannot copy into ${directory}: a server runs there`, {
    detail,
    hint: `Unless it is the primary by now, and the one to copy from, stop it first: ${controlLine('stop', { dataDirectory: directory })}`,
  });
}
