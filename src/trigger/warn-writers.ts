// What keeps applications from writing to a server that is open: two settings that a promoted server takes over from its
// time as a standby, or from the old primary.
import type { Server } from './server.ts';
import type { Telling } from './telling.ts';

const unattended =
  "select current_setting('synchronous_standby_names') where current_setting('synchronous_standby_names') <> '' and not exists (select from pg_stat_replication where sync_state in ('sync', 'quorum'))";

/** Warns of commits that will wait for ever, and of sessions that begin read-only. */
export async function warnWriters(server: Server, telling: Telling): Promise<void> {
  const names = await server.value(unattended);
  if (names !== undefined) {
    await telling.warn({
      message: 'commits will wait: synchronous_standby_names is set, and no such standby is connected',
      detail: `It is "${names}".`,
      hint: "Connect one, or: alter system set synchronous_standby_names = ''; select pg_reload_conf();",
    });
  }
  if ((await server.value("select current_setting('default_transaction_read_only')")) !== 'on') return;
  await telling.warn({
    message: 'default_transaction_read_only is on: sessions that do not say otherwise cannot write',
    hint: 'alter system set default_transaction_read_only = off; select pg_reload_conf();',
  });
}
