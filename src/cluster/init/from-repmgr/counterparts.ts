// What repmgr has and twowarm does in another way, or not at all: a sentence for each setting of repmgr.conf that init does not
// take over.

const monitoring =
  'twowarm watches by twowarm check, called by cron or by a monitoring system; it has no daemon that decides.';
const failover =
  'twowarm never fails over by itself: a person, or what a person has set up, calls triggerStandby.';
const streaming =
  'twowarm ships files and needs no replication connection; a standby that streams as well keeps primary_conninfo in postgresql.conf.';
const promotion =
  'triggerStandby promotes: it reserves the timeline, claims the archives, and asks PostgreSQL itself.';
const rejoining = 'What brings an old primary back are pg_rewind or copyToStandby, run by a person.';
const barman =
  'A base backup comes from the primary by copyToStandby; restore.sources may name an archive of another tool.';
const logging =
  "twowarm writes text to stderr, which is PostgreSQL's log for what the server calls; log.file is JSON.";
const unneeded =
  'twowarm has no table of nodes: a node is known by its name and by what it writes into archives.';
const waiting = 'Each command of twowarm has its own limit; see its --help.';

/** By name, or by the beginning of a name with a star. */
const sentences: Readonly<Record<string, string>> = {
  node_id: unneeded,
  replication_user: streaming,
  replication_type: streaming,
  location: unneeded,
  priority: failover,
  config_directory: "PostgreSQL's own files are found by the command line that the server was started with.",
  use_replication_slots: streaming,
  use_primary_conninfo_password: streaming,
  passfile: "Passwords are read from ~/.pgpass of the server's user, or from passfile in node.conninfo.",
  recovery_min_apply_delay: 'It stays a setting of PostgreSQL on the standby: recovery_min_apply_delay.',
  archive_cleanup_command:
    'archive_cleanup_command is twowarm prune %r, or restore.prune; it spares what other readers need.',
  tablespace_mapping: 'It is an option of copyToStandby: --tablespace-mapping.',
  pg_basebackup_options: 'copyToStandby copies by itself; with --method pg_basebackup that tool does.',
  pg_ctl_options: 'Put them into node.start_command.',
  psql_options: 'twowarm does not call psql.',
  rsync_options: 'twowarm compares and copies by itself.',
  repmgr_bindir: 'The programs of twowarm are called by their absolute paths.',
  service_restart_command: 'twowarm stops and starts: node.stop_command, node.start_command.',
  service_promote_command: promotion,
  promote_command: promotion,
  follow_command: 'A standby follows the new timeline by itself, out of the archive.',
  promote_check_timeout: promotion,
  promote_check_interval: promotion,
  failover,
  failover_validation_command: failover,
  always_promote: failover,
  election_rerun_interval: failover,
  primary_visibility_consensus: failover,
  standby_disconnect_on_failover: failover,
  sibling_nodes_disconnect_timeout: failover,
  primary_notification_timeout: failover,
  'repmgrd_*': failover,
  'child_nodes_*': failover,
  'reconnect_*': failover,
  degraded_monitoring_timeout: monitoring,
  connection_check_type: monitoring,
  'monitor*': monitoring,
  async_query_timeout: monitoring,
  'witness_*': 'The arbiter, cluster.arbiter, is what keeps two standbys from both becoming primaries.',
  'event_*': 'log.file gets one JSON object for each event.',
  'log_*': logging,
  'barman_*': barman,
  'standby_*': waiting,
  primary_follow_timeout: waiting,
  'shutdown_check_*': waiting,
  'wal_receive_check_*': waiting,
  node_rejoin_timeout: rejoining,
  'archive_ready_*': monitoring,
  'replication_lag_*': monitoring,
  'include*': 'It is not followed: run twowarm init again with that file, or give the answers as options.',
};

/** What becomes of a setting that is not taken over. */
export function sentenceFor(key: string): string {
  const exact = sentences[key];
  if (exact !== undefined) return exact;
  const pattern = Object.keys(sentences).find(
    (each) => each.endsWith('*') && key.startsWith(each.slice(0, -1)),
  );
  return pattern === undefined ? 'It has no counterpart.' : sentences[pattern]!;
}
