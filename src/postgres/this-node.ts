// The node a call runs on: its settings, its cluster's identity, its own id. What archive and restore begin with.
import { loadSettings } from '../program/settings/load.ts';
import type { Settings } from '../program/settings/settings.ts';
import type { ProgramCall } from '../program/command.ts';
import { establishNode, readNodeRecord, stateDirectory } from '../program/node-record.ts';
import { readControlFile } from './control-file.ts';

export interface ThisNode {
  settings: Settings;
  systemIdentifier: bigint;
  /** Satisfies transport's Identity. */
  identity: { systemIdentifier: string; nodeId: string; stateDirectory: string; dryRun: boolean };
}

/** The options and the environment of a call, as settings are found by them. */
export const placeOf = (call: ProgramCall) => ({
  configOption: call.options['config'] as string | undefined,
  dataDirectoryOption: call.options['pgdata'] as string | undefined,
  environment: call.environment,
  workingDirectory: call.workingDirectory,
});

/** Settings and identity; the first call of a node records it in its home, unless `change` is false. */
export async function openThisNode(call: ProgramCall, change = true): Promise<ThisNode> {
  const settings = await loadSettings(placeOf(call));
  call.voice.alsoTo(settings.log.file, settings.home);
  const { systemIdentifier } = readControlFile(settings.dataDirectory);
  const decimal = systemIdentifier.toString();
  const record = change
    ? await establishNode(settings.home, settings.dataDirectory, decimal)
    : readNodeRecord(settings.home);
  return {
    settings,
    systemIdentifier,
    identity: {
      systemIdentifier: decimal,
      nodeId: record?.id ?? 'unrecorded',
      stateDirectory: stateDirectory(settings.home),
      dryRun: !change,
    },
  };
}
