// configStandby as a command.
import type { Command } from '../../program/command.ts';
import { configureStandby } from './configure-standby.ts';
import { configureNotes, configureOptions } from './options.ts';

export const command: Command = {
  name: 'configStandby',
  summary:
    'Makes a base backup, or a stopped standby, a standby that restores with twowarm; shows each change first.',
  positionals: [],
  options: configureOptions,
  exitStatus: [{ code: 1, meaning: 'nothing was written: the answer was not yes' }],
  exitKinds: ['server-running', 'copy-unfinished', 'diverged'],
  notes: configureNotes,
  run: configureStandby,
};
