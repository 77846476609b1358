// The command lines of copyToStandby and copyToDR, as data.
import { commonOptions, jsonOption, type Option, type Positional } from '../program/command.ts';

export const copyArguments: readonly Positional[] = [
  {
    name: 'NAME',
    summary:
      'The destination of the configuration whose node the copy is for. Default: the only one that is meant.',
    required: false,
    completes: 'destination',
  },
];

/** `jobs` files at once by default. */
export const defaultJobs = 8;
export const mostJobs = 16;

export const copyOptions: readonly Option[] = [
  ...commonOptions,
  {
    name: 'to',
    argument: 'URL',
    summary:
      "Another place for the data directory than the destination's: file:/directory or ssh://user@host:port/directory.",
  },
  {
    name: 'tablespace-mapping',
    alias: 'T',
    argument: 'OLDDIR=NEWDIR',
    many: true,
    summary:
      'Put the tablespace in OLDDIR into NEWDIR over there. Default: where the target has it, else OLDDIR.',
  },
  {
    name: 'waldir',
    argument: 'DIR',
    summary:
      'Where pg_wal of the copy lies, behind a symbolic link. Default: what is there stays; at a new target a link of the primary is made again.',
  },
  {
    name: 'method',
    argument: 'METHOD',
    summary: "How the files are read: 'twowarm' (default), or 'pg_basebackup', PostgreSQL's own tool.",
  },
  {
    name: 'checkpoint',
    argument: 'fast|spread',
    summary:
      'Whether the checkpoint that a backup begins with is made at once (default), or over checkpoint_timeout.',
  },
  {
    name: 'jobs',
    alias: 'j',
    argument: 'N',
    summary: `How many files at once, 1 to ${mostJobs}. Default ${defaultJobs}.`,
  },
  {
    name: 'no-verify-checksums',
    summary: 'Do not look at the checksums of pages, where the cluster has them.',
  },
  {
    name: 'manifest-checksums',
    argument: 'ALGORITHM',
    summary:
      "The checksums of files in backup_manifest, from PostgreSQL 13 on: CRC32C (default, PostgreSQL's own), SHA224, SHA256, SHA384, SHA512 or NONE.",
  },
  {
    name: 'wait',
    argument: 'DURATION',
    summary: "How long a segment may take to arrive in the archive of the copy. Default '5min'.",
  },
  {
    name: 'identity',
    argument: 'FILE',
    summary: 'The private key to log in with. Default: ssh.copy_identity_files of the configuration.',
  },
  { name: 'dry-run', summary: 'Look at everything, say each step, and change nothing.' },
  jsonOption(
    'Print a JSON object a line, with its event: each step, the progress every second; the last one, "end", has the outcome, which is "stopped" where a signal ended the call.',
  ),
];
