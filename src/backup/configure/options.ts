// The command line of configStandby, as data.
import { commonOptions, jsonOption, type Option } from '../../program/command.ts';

export const configureOptions: readonly Option[] = [
  ...commonOptions,
  {
    name: 'mode',
    argument: 'hot|warm',
    summary:
      "What the server becomes. 'hot', the default: a standby (standby.signal; standby_mode before 12), which can be read, and goes on until it is promoted. 'warm': as with 2warm, a recovery (recovery.signal; no standby_mode) whose restore_command waits for segments until triggerStandby, or the trigger file, ends it; restore.wait = 'warm' is set in twowarm.toml.",
  },
  {
    name: 'primary-conninfo',
    argument: 'CONNINFO',
    summary:
      'Also stream from there (primary_conninfo): a connection string of libpq, or an empty one for none. Without this option what is there stays. A standby that streams does not wait in restore_command.',
  },
  {
    name: 'keep-archive',
    summary:
      'Set no archive_cleanup_command: segments before the restart point stay in the archive, for point-in-time recovery.',
  },
  {
    name: 'former-primary',
    summary:
      'Allow a data directory that was a primary when it stopped, or that was copied from a stopped server. It is refused all the same where it has WAL past the point at which the newest timeline left its own, or where that cannot be known.',
  },
  { name: 'dry-run', summary: 'Print the changes and write nothing.' },
  { name: 'yes', alias: 'y', summary: 'Do not ask before writing.' },
  jsonOption(
    'Print one JSON object: the changes with their diffs, where copies are kept, what to run next. Nobody is asked.',
  ),
];

export const configureNotes: readonly string[] = [
  'What is written:',
  '  From PostgreSQL 12 on the settings of recovery go to postgresql.auto.conf, as ALTER SYSTEM would write them, before 12 to',
  '  recovery.conf: restore_command, archive_cleanup_command (unless restore.prune = true: then restoreWALFile prunes),',
  "  recovery_target_timeline = 'latest', recovery_prefetch = off where restore_command waits (from 15 on), hot_standby = on",
  '  where it is off. Targets of an earlier recovery are taken out, and a trigger file of an earlier promotion goes.',
  '  All else in these files stays as it is. pg_wal is never touched.',
  '',
  "The node's own configuration:",
  '  <home>/node/postgresql.conf holds what differs on this node; postgresql.conf then ends with an include of it. Where it is not',
  '  there, and copyToStandby has saved what it replaced (<home>/saved-configuration), it is made of what differed.',
  '  <home>/node/pg_hba.conf, and pg_ident.conf, replace the ones in the data directory; where they are not there, what was saved',
  '  is put back after a copy, until the server is started. A configuration outside of the data directory (Debian:',
  '  /etc/postgresql) was not copied, and is left alone.',
  '',
  'How it is written:',
  '  The changes are shown first; on a terminal it asks. Without a terminal, as from a script, it writes: the server does not run,',
  '  and of every file that is replaced or removed a copy is kept in <home>/replaced-configuration/<time>. A second call',
  '  with nothing to change changes nothing. Ended in between, it leaves a directory whose server starts as a standby, or',
  '  one that is as it was; the same call again completes it.',
  '',
];
