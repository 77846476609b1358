// The command lines of rsyncDR and `twowarm relay`, as data.
import { commonOptions, type Option } from '../program/command.ts';

export const passOptions: readonly Option[] = [
  ...commonOptions,
  { name: 'verbose', alias: 'v', summary: 'Say also what went well, or why there was nothing to do.' },
  { name: 'dry-run', summary: 'Say what would be carried; change nothing.' },
];

export const relayOptions: readonly Option[] = [
  ...commonOptions,
  { name: 'json', summary: 'Print each event as one JSON object a line.' },
];
