// Every fault a program can end with: its exit code, what it means, and whether trying again can help.
// docs/errors.md and the EXIT STATUS of each --help (error-groups.ts) are made from this table. Codes stay within 2-125: PostgreSQL's
// archiver does not count a failure above 125 in pg_stat_archiver (pgarch.c), and 1 is restoreWALFile's "absent".

export interface ErrorKind {
  readonly exitCode: number;
  readonly meaning: string;
  /** True when the same call may succeed a moment later without anybody's help. */
  readonly retryable: boolean;
}

const kind = (exitCode: number, meaning: string, retryable = false): ErrorKind => ({
  exitCode,
  meaning,
  retryable,
});

export const errorKinds = {
  usage: kind(2, 'the command line is wrong'),
  settings: kind(3, 'the configuration is missing, wrong, or not safely owned'),
  'not-built': kind(4, 'the configuration asks for something this version does not have'),
  'data-directory': kind(5, 'the data directory cannot be read or is not the configured one'),
  'invalid-name': kind(10, 'the file name is not one that PostgreSQL archives'),
  'source-missing': kind(11, 'the file to archive does not exist or cannot be read'),
  'invalid-file': kind(
    12,
    'the content is not what the file name says (size, header, address, timeline), or PostgreSQL still writes it',
  ),
  'wrong-cluster': kind(13, 'the file, the archive or the home belongs to another cluster'),
  'archive-duplicate': kind(
    14,
    'the archive holds different content under this name; both copies are untouched',
  ),
  'archiving-on-hold': kind(15, 'archiving is on hold: PostgreSQL keeps the WAL'),
  'file-exists': kind(
    16,
    'a file with other content is in the way: where to restore to, or of the trigger file',
  ),
  'directory-missing': kind(20, 'an archive, destination or source directory does not exist'),
  'permission-denied': kind(21, 'the operating system denied access'),
  'read-only': kind(22, 'the file system is mounted read-only'),
  'no-space': kind(23, 'the disk or the quota is full'),
  'no-hard-links': kind(24, 'the file system of the archive has no hard links'),
  'format-unknown': kind(25, 'the archive was written by a newer or unknown version'),
  'input-output': kind(26, 'reading or writing failed', true),
  'timed-out': kind(27, 'a time limit was reached', true),
  'unsafe-state': kind(28, 'a state file of the home cannot be read or is damaged'),
  fenced: kind(
    40,
    'the archive is claimed by another node, or by a later claim than this node knows of: nothing was stored',
  ),
  'timeline-reserved': kind(41, 'another node has reserved the timeline'),
  'arbiter-unreachable': kind(42, 'the arbiter that timelines are reserved at cannot be reached'),
  'not-a-primary': kind(43, 'the server is a standby, or recovers'),
  'conflict-unknown': kind(44, 'nothing of that name is in quarantine, or its name is not free'),
  'timeline-unknown': kind(31, 'which of several timelines the server follows cannot be told'),
  'server-not-running': kind(50, 'the server of the data directory is not running'),
  'not-a-standby': kind(51, 'the server is in no recovery that a trigger ends'),
  'source-unreachable': kind(52, 'a source of WAL cannot be reached, and what it holds would be lost'),
  'segments-missing': kind(
    55,
    'no source has segments that have to be replayed, but later ones are known of',
  ),
  'replay-paused': kind(
    56,
    'replay is paused and could not be resumed; a promotion would leave behind what has arrived meanwhile',
  ),
  busy: kind(53, 'another call of the same command is at work'),
  'server-died': kind(54, 'the server ended during the call'),
  'server-fault': kind(94, 'the server refused, or failed with, what it was asked for'),
  'archiving-unproven': kind(
    57,
    'the server does not archive to where the copy would get its WAL from: nothing was copied',
  ),
  'page-damaged': kind(
    58,
    'a page of the cluster does not have the checksum that it says: the copy was not finished',
  ),
  'wal-missing': kind(59, 'the copy is complete, but WAL that it needs was not archived in time'),
  protocol: kind(62, 'the far side of a network road speaks another language'),
  'protocol-version': kind(63, 'the receiver on the far side is too old or too new for this twowarm'),
  'not-allowed': kind(64, 'the receiver on the far side does not allow this'),
  'connection-lost': kind(65, 'the connection to the far side failed or was cut', true),
  unreachable: kind(66, 'the far side of a network road cannot be reached', true),
  'login-refused': kind(67, 'the far side refused the login'),
  'host-key': kind(
    60,
    'the host key of a server is not known, has changed or is revoked: no connection was made',
  ),
  unsuited: kind(
    68,
    'the far side cannot take or run this twowarm (architecture, a missing program, the directory), or has nothing to go back to',
  ),
  'copy-damaged': kind(69, 'what arrived on the far side is not what was sent: nothing was switched'),
  'ssh-key': kind(61, 'an SSH key to log in with is missing, encrypted, or readable by others'),
  'target-in-use': kind(80, 'a server runs in the target of a base backup'),
  'target-unsuited': kind(81, 'the target of a base backup holds something else, or is its source'),
  'target-ahead': kind(82, 'the target of a base backup is ahead of its source'),
  'target-path': kind(83, 'a path of a base backup cannot be written to'),
  'configuration-exists': kind(
    91,
    'there is another configuration already: twowarm init never overwrites one',
  ),
  'not-durable': kind(30, 'the disk did not confirm that the file is safe (fsync failed)'),
  'promise-lacking': kind(
    32,
    'the road to a destination lacks a promise that its policy rests on, and the configuration does not accept that',
  ),
  'program-missing': kind(
    33,
    'a program of the system that this needs is not installed or cannot be started',
  ),
  'no-runtime': kind(29, 'the launcher found no Node.js that can run twowarm'),
  'server-running': kind(88, 'a server runs in the data directory, or processes of one are left'),
  'copy-unfinished': kind(89, 'the data directory is a base backup that was not finished'),
  diverged: kind(
    90,
    'the data directory is that of a primary, or holds WAL past the point where the timeline to follow left its own',
  ),
  bug: kind(70, 'twowarm has a bug: please report it'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorKindName = keyof typeof errorKinds;
