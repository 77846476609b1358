// What of the server's own settings a restore_command that waits contradicts: while it waits PostgreSQL can neither stream nor,
// from 15 on with prefetching, replay what it already has (trap T11).
import { currentServerSettings } from './current-settings.ts';
import { parseBoolean } from './parse-configuration.ts';
import type { RecoveryMode } from './recovery-mode.ts';
import { majorVersion } from './version.ts';

/** What in the server's own settings speaks against waiting, as clauses. */
export function whatSpeaksAgainstWaiting(
  dataDirectory: string,
  mode: RecoveryMode,
): { reason: string; hint: string }[] {
  const server = currentServerSettings(dataDirectory);
  const found: { reason: string; hint: string }[] = [];
  const unread = server.complete ? undefined : (server.problem ?? 'its configuration cannot be read');
  if (mode === 'standby' && (server.get('primary_conninfo') ?? '').trim() !== '')
    found.push({
      reason: 'primary_conninfo is set, and PostgreSQL could not stream while it waits',
      hint: "Set restore.wait = 'off' if this standby streams, or remove primary_conninfo.",
    });
  else if (mode === 'standby' && unread !== undefined)
    found.push({
      reason: `whether PostgreSQL streams is not known: ${unread}`,
      hint: "Make the configuration readable for twowarm, or set restore.wait = 'off'.",
    });
  const major = majorVersion(dataDirectory);
  const prefetch = server.get('recovery_prefetch');
  // 'try' is the default, and PostgreSQL's third word beside the booleans.
  const isOff = unread === undefined && prefetch !== undefined && parseBoolean(prefetch) === false;
  if ((major === undefined || major >= 15) && !isOff)
    found.push({
      reason: 'recovery_prefetch is not off, and PostgreSQL would not replay what it has while it waits',
      hint: 'Set recovery_prefetch = off in postgresql.conf of this standby, and reload it: pg_ctl reload.',
    });
  return found;
}
