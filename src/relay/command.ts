// `twowarm relay` as a command: stays until it is told to stop, which is success.
import type { Command } from '../program/command.ts';
import { relayOptions } from './options.ts';

export const command: Command = {
  name: 'twowarm relay',
  summary:
    'Stays, and carries what arrives in this archive, and what a destination is owed, onwards to every destination at once; for systemd.',
  positionals: [],
  options: relayOptions,
  exitKinds: ['archive-duplicate', 'fenced', 'busy'],
  notes: [
    'It ends with 0 on SIGTERM and SIGINT. A changed configuration is taken into use without a restart, and so is a',
    'change of role: on a primary, whose archive_command ships by itself, it only brings what destinations are owed from',
    'the time when they were away.',
  ],
  run: async (call) => {
    const { relayLoop } = await import('./relay-loop.ts');
    try {
      await relayLoop(call);
    } catch (error) {
      if (!call.stop.aborted) throw error;
    }
    return 0;
  },
};
