// The command line of pg_standby, as data, and what --help says beside it. How the words are read is getopt.ts.
import type { Option, Positional } from '../../program/command.ts';

export const standbyArguments: readonly Positional[] = [
  { name: 'ARCHIVELOCATION', summary: 'The directory that WAL files arrive in.', required: true },
  { name: 'NEXTWALFILE', summary: 'The name of the file to restore: %f.', required: true },
  {
    name: 'XLOGFILEPATH',
    summary: 'The path to restore it to: %p. A file that is there is replaced.',
    required: true,
  },
  {
    name: 'RESTARTWALFILE',
    summary:
      'The oldest file that is still needed: %r. Older segments are removed from the archive after each restored one; a literal %r (PostgreSQL 8.2) means -k 256.',
    required: false,
  },
];

export const standbyOptions: readonly Option[] = [
  { name: 'c', summary: 'Copy the file from the archive: always done, accepted for old scripts.' },
  { name: 'd', summary: 'Say everything: as -v 4.' },
  {
    name: 'k',
    argument: 'N',
    summary: 'Keep N segments before the restored one, if there is no RESTARTWALFILE; default 0: keep all.',
  },
  { name: 'l', summary: 'Accepted for old scripts, and does nothing: files are copied, never linked.' },
  { name: 'r', argument: 'N', summary: 'Try a copy that fails N times more; default 3.' },
  { name: 's', argument: 'SECONDS', summary: 'The interval between two looks, 1 to 60; default 5.' },
  { name: 't', argument: 'FILE', summary: 'The trigger file: "smart" or empty, or "fast"; default: none.' },
  {
    name: 'v',
    argument: 'N',
    summary:
      'How much to say, 0 to 4: nothing, warnings and failover (1 and 2), each file (3), each look (4); default 2.',
  },
  {
    name: 'w',
    argument: 'SECONDS',
    summary: 'Fail over (fast) after waiting so long, and one interval; default 0: never.',
  },
];

/** Sections of --help that no table holds. */
export const standbyNotes: readonly string[] = [
  '  recovery_prefetch = off',
  '  The second line from PostgreSQL 15 on: without it the server replays nothing, and may not even open, while this waits.',
  '  With %r after %p the archive is pruned: after each restored segment, all before RESTARTWALFILE are removed. Only',
  '  where nobody else reads the archive: what another standby, or a recovery from an older base backup, still needs is',
  '  removed, too.',
  '',
  'Failover:',
  '  A trigger file that is empty or begins with "smart" ends the waiting once the archive has no more WAL. One that',
  '  begins with "fast" ends it at once; it is then emptied, which makes it smart. It is never removed:',
  "  recovery_end_command = 'rm -f FILE'. SIGUSR1 and SIGINT are fast. --help and --version count as first word only.",
  '  Under standby.signal (standby_mode before 12) a trigger file alone promotes nobody: the server goes on asking, and',
  '  pg_ctl promote, or triggerStandby, ends its recovery.',
  '  Numbers are read as atoi(3) reads them, as ever: "abc" is 0, and "5s" is 5.',
  '',
  'Other than in the original:',
  '  What is delivered has been checked: headers, addresses, and, in a data directory, the system identifier. A file',
  '  of full size that is damaged or of another cluster is waited through with a warning a minute, and so is an archive',
  '  that cannot be read; neither is taken for the end of the WAL, except by fast.',
  '  A history file that is missing is answered at once, not after 30 s.',
  '  .backup and .partial files are never waited for.',
  '  The archive and the trigger file are opened for reading only.',
  '  A file is seen when it arrives, not an interval later. It gets its path only when it is whole.',
  '',
  'Additions, in a data directory:',
  '  pg_ctl promote (./promote; up to 12 ./fallback_promote, too) counts as smart.',
  '  The death of the server ends the waiting: pg_standby dies of SIGTERM.',
  '  Without a signal file (pg_rewind, the end of a promotion) it never waits.',
  '  Under recovery.signal (recovery.conf without standby_mode), where 1 to 125 opens the database, a copy that fails',
  '  and an archive that is missing are waited through, too, and every other fault is told as 200, which stops the',
  '  server instead. Elsewhere no code is above 125: that would stop a standby.',
  '',
];
