// After the promotion: the first file of the new timeline, its history file, has to reach this node's own archive.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ThisNode } from '../postgres/this-node.ts';
import { beginOwnArchive } from '../program/own-archive.ts';
import { historyName } from '../wal/filename.ts';
import { whoArchives } from './check-archiving.ts';
import type { Server } from './server.ts';
import type { Answer, Telling } from './telling.ts';

/** How long the archiver gets for its first file, in ms: it tries at once, and a second time after a second. */
const patienceMs = 5000;

/** From now on every file goes into the node's own archive, too; durable on return. */
export function archiveHereToo({ settings, identity }: ThisNode, since: string, timeline: number): void {
  beginOwnArchive(settings.home, identity.nodeId, { since, timeline });
}

/** Waits for the history file, a few seconds; where it does not come, warns with the archiver's own words. */
export async function confirmArchiving(
  timeline: number,
  { settings }: ThisNode,
  server: Server,
  stop: AbortSignal,
  telling: Telling,
): Promise<NonNullable<Answer['archiving']>> {
  const who = await whoArchives(server);
  if (who === 'nobody') return 'off';
  if (who === 'another') return 'by another command';
  const name = historyName(timeline);
  const path = join(settings.archiveDirectory, name);
  // Its name alone may be another promotion's, and the destinations count as well: PostgreSQL knows whether all is well.
  const waiting = join(settings.dataDirectory, 'pg_wal', 'archive_status', `${name}.ready`);
  const until = performance.now() + patienceMs;
  while (!existsSync(path) || existsSync(waiting)) {
    if (performance.now() > until || stop.aborted)
      return notYet(name, settings.archiveDirectory, server, telling);
    await sleep(20);
  }
  telling.line(`archiving goes on: ${name} is in ${settings.archiveDirectory}`);
  return 'goes on';
}

async function notYet(name: string, directory: string, server: Server, telling: Telling): Promise<'not yet'> {
  const state = existsSync(join(directory, name))
    ? `archive_command has not succeeded for ${name}, although it is in ${directory}`
    : `${name} is not in ${directory} yet`;
  const failed = await server.value(
    "select last_failed_wal || ' at ' || last_failed_time from pg_stat_archiver where last_failed_wal is not null",
  );
  await telling.warn({
    message: `${state}: archiving does not go on`,
    detail: failed === undefined ? undefined : `The archiver's last failure: ${failed}.`,
    hint: "The server's log has archiveWALFile's own message. PostgreSQL keeps the WAL and tries again. A destination that is gone: twowarm destination suspend NAME",
  });
  return 'not yet';
}
