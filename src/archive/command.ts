// archiveWALFile as a command.
import { openThisNode } from '../postgres/this-node.ts';
import type { Command } from '../program/command.ts';
import { archiveFile } from './archive-file.ts';
import { archiveArguments, archiveOptions } from './options.ts';

export const command: Command = {
  name: 'archiveWALFile',
  summary: 'Stores one finished WAL file durably at every destination; called by archive_command.',
  positionals: archiveArguments,
  options: archiveOptions,
  exitKinds: [
    'invalid-file',
    'wrong-cluster',
    'archive-duplicate',
    'archiving-on-hold',
    'no-space',
    'timed-out',
    'fenced',
  ],
  postgresqlConf: { setting: 'archive_command', arguments: '%p %f' },
  run: async (call) => {
    const dryRun = call.options['dry-run'] === true;
    const node = await openThisNode(call, !dryRun);
    const [path, fileName] = call.positionals as [string, string];
    const request = { path, fileName, workingDirectory: call.workingDirectory, dryRun };
    await archiveFile(request, node, call.voice, call.stop);
    return 0;
  },
};
