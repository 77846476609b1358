// The node a call runs on: its settings, its cluster's identity, its own id. What archive and restore begin with.
import { becomeOwnerOf } from '../program/privileges.ts';
import { findPlaceOf, loadSettings } from '../program/settings/load.ts';
import type { RsyncSettings, Settings, SshSettings } from '../program/settings/settings.ts';
import type { ProgramCall } from '../program/command.ts';
import {
  establishNode,
  isCopied,
  readNodeRecord,
  stateDirectory,
  type NodeRecord,
} from '../program/node-record.ts';
import { reserveThreads } from '../program/threads.ts';
import { readControlFile, readSegmentSize, type ControlFile } from './control-file.ts';
import { readDatabaseState } from './database-state.ts';

export interface ThisNode {
  settings: Settings;
  /** From pg_control. */
  cluster: ControlFile;
  /** Satisfies transport's Identity. */
  identity: {
    systemIdentifier: string;
    nodeId: string;
    nodeName: string;
    stateDirectory: string;
    dryRun: boolean;
    login: SshSettings;
    rsync: RsyncSettings;
    facts: () => { segmentSize: number; controlVersion: number; timeline: number };
  };
}

/** The options and the environment of a call, as settings are found by them. */
export const placeOf = (call: ProgramCall) => ({
  configOption: call.options['config'] as string | undefined,
  dataDirectoryOption: call.options['pgdata'] as string | undefined,
  environment: call.environment,
  workingDirectory: call.workingDirectory,
});

/** Root's hand becomes the server's: see privileges.ts. */
function actAsOwner(dataDirectory: string | undefined): void {
  if (dataDirectory !== undefined) becomeOwnerOf(dataDirectory);
}

/** The record as a call may use it that changes nothing: a copied one is another node's. */
function recordOf(home: string): NodeRecord | undefined {
  const record = readNodeRecord(home);
  return record === undefined || isCopied(record, home) ? undefined : record;
}

/** An unfinished copy has no pg_control. */
async function readCluster(dataDirectory: string): Promise<ControlFile> {
  try {
    return readControlFile(dataDirectory);
  } catch (error) {
    const { lackingData } = await import('../program/lacking-data.ts');
    throw lackingData(dataDirectory) ?? error;
  }
}

/** Settings and identity; the first call of a node records it in its home, unless `change` is false. */
export async function openThisNode(call: ProgramCall, change = true): Promise<ThisNode> {
  if (process.geteuid?.() === 0) actAsOwner((await findPlaceOf(placeOf(call))).dataDirectory);
  const settings = await loadSettings(placeOf(call));
  actAsOwner(settings.dataDirectory);
  reserveThreads(Math.max(settings.destinations.length, settings.restore.sources.length));
  call.voice.alsoTo(settings.log.file, settings.home);
  const cluster = await readCluster(settings.dataDirectory);
  const decimal = cluster.systemIdentifier.toString();
  const record = change
    ? await establishNode(settings.home, settings.dataDirectory, decimal)
    : recordOf(settings.home);
  return {
    settings,
    cluster,
    identity: {
      systemIdentifier: decimal,
      nodeId: record?.id ?? 'unrecorded',
      stateDirectory: stateDirectory(settings.home),
      dryRun: !change,
      nodeName: settings.nodeName,
      login: settings.ssh,
      rsync: settings.rsync,
      facts: () => ({
        segmentSize: readSegmentSize(settings.dataDirectory),
        controlVersion: cluster.controlVersion,
        timeline: readDatabaseState(settings.dataDirectory).timeline,
      }),
    },
  };
}
