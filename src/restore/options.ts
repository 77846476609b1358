// The command line of restoreWALFile, as data.
import { commonOptions, type Option, type Positional } from '../program/command.ts';

export const restoreArguments: readonly Positional[] = [
  { name: '%f', summary: 'The name of the file to restore.', required: true },
  {
    name: '%p',
    summary:
      'The path to restore it to, relative to the working directory, which is the data directory when PostgreSQL calls.',
    required: true,
  },
  {
    name: '%r',
    summary:
      'The file of the last restart point: the sources register it, so that what this node still needs is not pruned there; with restore.prune, what lies before it is removed.',
    required: false,
  },
];

export const restoreOptions: readonly Option[] = commonOptions;

export const restoreNotes: readonly string[] = [
  'Waiting:',
  '  A standby (standby.signal; standby_mode before 12) waits for a segment that is not there yet, unless it streams',
  '  (primary_conninfo). From PostgreSQL 15 on it needs recovery_prefetch = off in postgresql.conf.',
  "  Under recovery.signal a segment is waited for only with restore.wait = 'warm'.",
  '  triggerStandby, pg_ctl promote and the trigger file (restore.trigger_file) end the waiting; the trigger file alone',
  '  does not promote a standby.',
  '',
  'In a data directory every fault is told as 1, under recovery.signal as 200; the codes from 2 on are for other calls.',
  '',
];
