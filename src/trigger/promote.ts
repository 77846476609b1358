// The request to a standby: pg_promote where SQL is possible and knows it (from 12 on), else the file and the signal
// that pg_ctl promote uses in every version (src/bin/pg_ctl/pg_ctl.c, do_promote). A recovery needs none.
import { unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { majorVersion } from '../postgres/version.ts';
import { fromSystemError } from '../program/program-error.ts';
import type { Plan } from './plan.ts';
import type { Server } from './server.ts';

/** The file that says "promote" to a postmaster, and to a restore_command that waits. */
export const promoteFile = (dataDirectory: string): string => join(dataDirectory, 'promote');

/** SQLSTATE object_not_in_prerequisite_state: recovery has ended meanwhile. */
const notInRecovery = '55000';

/** Asks for the end of recovery; returns at once. */
export async function requestPromotion(plan: Plan, server: Server): Promise<void> {
  if (!plan.asksServer) return;
  const knowsPgPromote = (majorVersion(server.dataDirectory) ?? 0) >= 12;
  const answer = knowsPgPromote ? await server.perform('select pg_promote(false)') : undefined;
  if (answer !== 'done' && answer !== notInRecovery) signalPostmaster(server);
}

/** The file of a request that came when recovery was about to end: nobody took it, and nobody will. */
export function removeRequest(dataDirectory: string): void {
  try {
    unlinkSync(promoteFile(dataDirectory));
  } catch {
    // The server has removed it, as usual; else its next start does.
  }
}

function signalPostmaster({ dataDirectory, pid }: Server): void {
  const file = promoteFile(dataDirectory);
  try {
    writeFileSync(file, '', { mode: 0o600 });
  } catch (error) {
    throw fromSystemError(error, `could not write ${file}`);
  }
  try {
    process.kill(pid, 'SIGUSR1');
  } catch (error) {
    unlinkSync(file);
    throw fromSystemError(error, `could not send SIGUSR1 to the server (process ${pid})`);
  }
}
