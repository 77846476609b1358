// Every command by its name, loaded when it is called. `twowarm <name>` and the generated documents read this table.
import type { Command } from '../program/command.ts';

export const commands: Readonly<Record<string, () => Promise<{ command: Command }>>> = {
  archiveWALFile: () => import('../archive/command.ts'),
  restoreWALFile: () => import('../restore/command.ts'),
  pg_standby: () => import('../restore/pg-standby/command.ts'),
  init: () => import('../cluster/init/command.ts'),
  copyToStandby: async () => ({ command: (await import('../backup/copy-commands.ts')).copyToStandby }),
  copyToDR: async () => ({ command: (await import('../backup/copy-commands.ts')).copyToDR }),
  configStandby: () => import('../backup/configure/command.ts'),
  check: () => import('../cluster/check/command.ts'),
  configSetup: () => import('../cluster/config-setup.ts'),
  triggerStandby: () => import('../trigger/command.ts'),
  receive: () => import('../receive/command.ts'),
  archiving: () => import('../archive/archiving-command.ts'),
  claim: () => import('../trigger/claim-command.ts'),
  conflicts: () => import('../cluster/conflicts-command.ts'),
  consumers: () => import('../restore/consumers/consumers-command.ts'),
  destination: () => import('../archive/destination-command.ts'),
  relay: () => import('../relay/command.ts'),
  distrib2warm: () => import('../cluster/distrib2warm-command.ts'),
  rsyncDR: () => import('../relay/rsync-dr-command.ts'),
  prune: () => import('../restore/pruning/prune-command.ts'),
};

/** Names that the contract gives to commands which this version does not have. */
export const notBuilt: readonly string[] = ['flushPrimary'];
