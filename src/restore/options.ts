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
    summary: 'The file of the last restart point; accepted and not used by this version.',
    required: false,
  },
];

export const restoreOptions: readonly Option[] = commonOptions;
