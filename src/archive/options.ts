// The command lines of archiveWALFile and `twowarm archiving`, as data.
import { archivingStates } from '../program/archiving-state.ts';
import { commonOptions, jsonOption, type Option, type Positional } from '../program/command.ts';

export const archiveArguments: readonly Positional[] = [
  {
    name: '%p',
    summary:
      'The path of the file to archive, relative to the working directory, which is the data directory when PostgreSQL calls.',
    required: true,
  },
  { name: '%f', summary: 'Its file name.', required: true },
];

export const archiveOptions: readonly Option[] = [
  ...commonOptions,
  { name: 'dry-run', summary: 'Check everything and say what would be done; change nothing.' },
];

export const archivingArguments: readonly Positional[] = [
  {
    name: 'STATE',
    summary:
      'on: store files. hold: store nothing; PostgreSQL keeps the WAL. discard: give files up, each with a gap record; recovery cannot pass a gap, so take a new base backup afterwards. status: show which.',
    required: true,
    choices: [...archivingStates, 'status'],
  },
];

export const archivingOptions: readonly Option[] = [
  ...commonOptions,
  jsonOption('Print the status as JSON.'),
];
