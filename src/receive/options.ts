// The command line of twowarm receive, as data.
import type { Option, Positional } from '../program/command.ts';

export const receiveArguments: readonly Positional[] = [
  {
    name: 'KEY.pub',
    summary: 'With --authorized-keys-line: the file of the public key that the line is for.',
    required: false,
  },
];

export const receiveOptions: readonly Option[] = [
  {
    name: 'directory',
    argument: 'DIR',
    summary: 'The archive directory, absolute. It must exist; clients must name the same one in their URL.',
  },
  { name: 'allow-read', summary: 'Allow clients to fetch and list files, too; restore_command needs that.' },
  {
    name: 'authorized-keys-line',
    summary: 'Print the line for authorized_keys that limits a key to this receiver, and end.',
  },
];
