// restoreWALFile as a command.
import { resolve } from 'node:path';
import { readRecoveryMode, type RecoveryMode } from '../postgres/recovery-mode.ts';
import { openThisNode, type ThisNode } from '../postgres/this-node.ts';
import type { Command, ProgramCall } from '../program/command.ts';
import { isDataDirectory } from '../program/home.ts';
import { describeError } from '../program/print-error.ts';
import { exitCodeOf, stopRecovery, type Answer } from './answer.ts';
import { readerKind } from './consumers/registered.ts';
import { restoreArguments, restoreNotes, restoreOptions } from './options.ts';
import { restoreFile, type Request } from './restore-file.ts';

/** The mode of the data directory this call is for: where PostgreSQL runs us, or where a person points. */
function modeOf(call: ProgramCall): RecoveryMode | undefined {
  const named = call.options['pgdata'] ?? call.environment['PGDATA'];
  const places = [
    call.workingDirectory,
    ...(typeof named === 'string' ? [resolve(call.workingDirectory, named)] : []),
  ];
  const dataDirectory = places.find(isDataDirectory);
  return dataDirectory === undefined ? undefined : readRecoveryMode(dataDirectory);
}

/** A point-in-time recovery may be repeated from the same base backup: only a standby leaves WAL behind for good. */
async function prune(call: ProgramCall, node: ThisNode, mode: RecoveryMode): Promise<void> {
  const [fileName, , restartFile] = call.positionals;
  const isStandby = readerKind(mode, node.settings) === 'standby';
  if (!node.settings.restore.prune || !isStandby || restartFile === undefined) return;
  try {
    const { pruneBefore } = await import('./pruning/prune.ts');
    await pruneBefore(restartFile, fileName!, node, call.voice, call.stop);
  } catch (error) {
    if (call.stop.aborted) throw error;
    // The file has been delivered, whatever became of the installation since this call began.
    await call.voice.report('WARNING', describeError(error).report);
  }
}

/** The server goes on asking: what it cannot know is not said each time. */
async function restoreForStandby(request: Request, node: ThisNode, call: ProgramCall): Promise<Answer> {
  try {
    return await restoreFile(request, node, call.voice, call.stop);
  } catch (error) {
    if (call.stop.aborted) throw error;
    const { sayUnknown } = await import('./say-unknown.ts');
    const about = { fileName: request.fileName, exitCode: exitCodeOf('unknown', 'standby') };
    await sayUnknown(error, about, node, call.voice);
    return 'unknown';
  }
}

export const command: Command = {
  name: 'restoreWALFile',
  summary: 'Brings one requested WAL file back from the first source that has it; called by restore_command.',
  positionals: restoreArguments,
  options: restoreOptions,
  exitStatus: [
    {
      code: 1,
      meaning: 'absent: every source says so; or, under standby.signal or no signal file, it cannot be known',
    },
    {
      code: stopRecovery,
      meaning: 'it cannot be known, under recovery.signal: recovery stops instead of ending early',
    },
  ],
  notes: restoreNotes,
  postgresqlConf: { setting: 'restore_command', arguments: '%f %p %r' },
  run: async (call) => {
    const node = await openThisNode(call);
    const [fileName, path, restartFile] = call.positionals as [string, string, string?];
    const mode = modeOf(call) ?? readRecoveryMode(node.settings.dataDirectory);
    const request = {
      fileName,
      path,
      workingDirectory: call.workingDirectory,
      mode,
      restartFile,
      reload: () => openThisNode(call),
    };
    const answer = await (mode === 'standby'
      ? restoreForStandby(request, node, call)
      : restoreFile(request, node, call.voice, call.stop));
    if (answer === 'restored') await prune(call, node, mode);
    return exitCodeOf(answer, mode);
  },
  // Any fault, also a wrong configuration or a bug of ours, means that the file cannot be known.
  exitCodeOfFault: (call, exitCode) => {
    const mode = modeOf(call);
    return mode === undefined ? exitCode : exitCodeOf('unknown', mode);
  },
};
