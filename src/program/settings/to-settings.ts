// A configuration that was checked, as the settings that programs use: every value present.
import { realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { homeBeside, type Place } from '../home.ts';
import { mayLack } from './destination-policies.ts';
import type { Configuration } from './keys.ts';
import type { Destination, Settings } from './settings.ts';

const destinationOf = ([name, d]: [string, Configuration['destination'][string]]): Destination => ({
  name,
  url: d.url,
  compression: d.compression,
  timeLimitMs: d.time_limit,
  mayLack: mayLack(d),
  ...(d.accept.length > 0 && { accept: d.accept }),
  policy: d.policy,
  standIn: d.policy === 'fallback' ? { for: d.for!, limitMs: d.limit, hold: d.hold ?? true } : undefined,
  ...(d.data_directory !== undefined && { dataDirectory: d.data_directory }),
});

/** Fills in what the configuration leaves out and depends on the place. */
export function toSettings(place: Place, c: Configuration): Settings {
  const home = place.home ?? homeBeside(realpathSync(c.node.data_directory));
  const archiveDirectory = c.archive.directory ?? join(home, 'archive');
  return {
    home,
    configurationFile: place.configurationFile,
    nodeName: c.node.name ?? hostname(),
    ...(c.node.role !== undefined && { role: c.node.role }),
    dataDirectory: c.node.data_directory,
    archiveDirectory,
    consumers: {
      warnAfterMs: c.archive.consumer_warn_after,
      spaceWarnBelow: c.archive.space_warn_below,
    },
    server: {
      programDirectory: c.node.pg_bindir,
      conninfo: c.node.conninfo,
      commands: { start: c.node.start_command, stop: c.node.stop_command, reload: c.node.reload_command },
    },
    destinations: Object.entries(c.destination).map(destinationOf),
    restore: {
      sources: c.restore.sources ?? [`file:${archiveDirectory}`],
      timeLimitMs: c.restore.time_limit,
      retryLimitMs: c.restore.retry_limit,
      triggerFile: c.restore.trigger_file ?? join(home, 'trigger'),
      wait: c.restore.wait,
      prune: c.restore.prune,
    },
    ssh: {
      configFile: c.ssh.config_file,
      identityFiles: c.ssh.identity_files,
      ...(c.ssh.copy_identity_files !== undefined && { copyIdentityFiles: c.ssh.copy_identity_files }),
      knownHosts: c.ssh.known_hosts,
      agent: c.ssh.agent,
      receiver: c.ssh.receiver,
      connectLimitMs: c.ssh.connect_limit,
      idleLimitMs: c.ssh.idle_limit,
    },
    rsync: { passwordFile: c.rsync.password_file },
    cluster: { arbiter: c.cluster.arbiter },
    distribution: { directory: c.distribution.directory },
    log: { file: c.log.file },
  };
}
