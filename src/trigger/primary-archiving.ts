// Whether a server that is a primary already archives. Promoted by other means than triggerStandby it has not begun its
// own archive; where that was to be all, archive_command fails, and "nothing to do" would be no help.
import type { ThisNode } from '../postgres/this-node.ts';
import { readOwnArchive } from '../program/own-archive.ts';
import type { Report } from '../program/print-error.ts';
import { ProgramError } from '../program/program-error.ts';
import { whoArchives } from './check-archiving.ts';
import type { Server } from './server.ts';
import type { Telling } from './telling.ts';

const lastFailure =
  "select last_failed_wal || ' at ' || last_failed_time from pg_stat_archiver where last_failed_time > coalesce(last_archived_time, '-infinity')";

function withoutPlace({ settings }: ThisNode): Report | undefined {
  const { home, destinations, archiveDirectory, configurationFile } = settings;
  try {
    if (destinations.length > 0 || readOwnArchive(home) !== undefined) return undefined;
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    const { message, detail, hint } = error;
    return { message: `archiving does not work: ${message}`, detail, hint };
  }
  return {
    message:
      'archiving does not work: no destination is configured, and this node was not promoted by triggerStandby',
    detail:
      'archive_command fails, and pg_wal grows. Only a promotion by triggerStandby begins the own archive of a node.',
    hint: `Add a destination to ${configurationFile}; [destination.own] with url = 'file:${archiveDirectory}' is this node's own archive.`,
  };
}

/** Warns where archive_command fails; true then. */
export async function warnOfFailingArchive(
  node: ThisNode,
  server: Server,
  telling: Telling,
): Promise<boolean> {
  const who = await whoArchives(server);
  if (who === 'nobody') return false;
  const report = who === 'we' ? withoutPlace(node) : undefined;
  if (report !== undefined) {
    await telling.warn(report);
    return true;
  }
  const failed = await server.value(lastFailure);
  if (failed === undefined) return false;
  await telling.warn({
    message: `archiving does not work: the last archive_command failed, for ${failed}`,
    hint: "The server's log has its own message. PostgreSQL keeps the WAL and tries again.",
  });
  return true;
}
