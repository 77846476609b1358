// The command line of triggerStandby, as data.
import { commonOptions, jsonOption, type Option, type Positional } from '../program/command.ts';

export const wishes = ['smart', 'fast'] as const;
/** `smart`: what the sources hold is replayed first; `fast`: nothing more is fetched. */
export type Wish = (typeof wishes)[number];

export const triggerArguments: readonly Positional[] = [
  {
    name: 'MODE',
    summary:
      'smart (the default): what the sources hold is replayed first, and they must be reachable. fast: with what is here already.',
    required: false,
    choices: wishes,
  },
];

export const defaultTimeout = '60s';

export const triggerOptions: readonly Option[] = [
  ...commonOptions,
  {
    name: 'timeout',
    argument: 'DURATION',
    summary: `How long to wait until the server accepts writes; default: ${defaultTimeout}. The promotion goes on after that.`,
  },
  {
    name: 'without-reservation',
    summary:
      'Promote also where the arbiter (cluster.arbiter) cannot be reached. Only when no other node is or will be promoted.',
  },
  { name: 'dry-run', summary: 'Check everything, say what would be done, and change nothing.' },
  jsonOption('Print one JSON object.'),
];
