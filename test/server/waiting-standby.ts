// A standby whose restore_command waits for a segment that the primary has not finished yet.
import type { Cluster } from '../harness/cluster.ts';
import { findPostgres } from '../harness/postgres-binaries.ts';
import type { Sandbox } from '../harness/sandbox.ts';
import { waitingCallOf } from '../harness/server-processes.ts';
import type { Settings } from '../harness/settings.ts';
import { makeStandby, shipRows, startPrimary, waitForRows } from './pair.ts';

export type WaitingMode = 'standby' | 'recovery';

export interface WaitingOptions {
  mode?: WaitingMode;
  /** Of [restore]; default: wait = 'warm' under recovery.signal, which nothing else makes wait. */
  restore?: string;
  /** recovery_prefetch, from 15 on: default 'off', without which nothing waits; undefined leaves it to the server. */
  prefetch?: string | undefined;
  /** Further settings of PostgreSQL. */
  extra?: Settings;
  /** Default: the standby's source. */
  shipsTo?: string;
}

/** A running primary, and a copy of it that is ready to start. */
export async function makePair(
  sandbox: Sandbox,
  major: number,
  options: WaitingOptions = {},
): Promise<{ primary: Cluster; standby: Cluster }> {
  const { mode = 'standby', restore, extra = {}, shipsTo } = options;
  const prefetch = 'prefetch' in options ? options.prefetch : 'off';
  const primary = await startPrimary(sandbox, {
    postgres: findPostgres(major),
    ...(shipsTo === undefined ? {} : { shipsTo }),
  });
  const standby = await makeStandby(primary, {
    mode,
    toml: `[restore]\n${restore ?? (mode === 'recovery' ? "wait = 'warm'\n" : '')}`,
    extra: { ...(major < 15 || prefetch === undefined ? {} : { recovery_prefetch: prefetch }), ...extra },
  });
  return { primary, standby };
}

/** The same, when the standby has 1000 rows and waits for the next segment. */
export async function startWaiting(
  sandbox: Sandbox,
  major: number,
  options: WaitingOptions = {},
): Promise<{ primary: Cluster; standby: Cluster }> {
  const pair = await makePair(sandbox, major, options);
  await pair.standby.start();
  await waitForRows(pair.standby, await shipRows(pair.primary, 1000));
  await waitingCallOf(pair.standby);
  return pair;
}
