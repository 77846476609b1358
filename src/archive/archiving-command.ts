// twowarm archiving: shows and sets the archiving state, with the gaps that it has made.
import { statSync } from 'node:fs';
import { readSegmentSize } from '../postgres/control-file.ts';
import { isRecovering } from '../postgres/node-role.ts';
import { openThisNode, type ThisNode } from '../postgres/this-node.ts';
import {
  archivingStatePath,
  archivingStates,
  readArchivingState,
  writeArchivingState,
  type ArchivingState,
} from '../program/archiving-state.ts';
import type { Command, ProgramCall } from '../program/command.ts';
import { readOwnArchive, type OwnArchive } from '../program/own-archive.ts';
import { ProgramError } from '../program/program-error.ts';
import type { Settings } from '../program/settings/settings.ts';
import type { GapRecord } from '../program/gap-record.ts';
import {
  describeDestination,
  isWorthTelling,
  readDestinationStatus,
  type DestinationStatus,
} from '../transport/destination-status.ts';
import {
  describeFindings,
  findingsOf,
  monitoringCodes,
  monitoringStatus,
  worstOf,
  type Circumstances,
  type DestinationFinding,
} from '../transport/destination-findings.ts';
import { listGaps } from './gaps.ts';
import { archivingArguments, archivingOptions } from './options.ts';

interface Status {
  state: ArchivingState;
  /** When it was set, ISO 8601; null when it never was. */
  since: string | null;
  /** Why the state counts as hold although nobody said so; null otherwise. */
  fault: string | null;
  destinations: string[];
  /** How each of them stands, as `twowarm destination list` tells it. */
  destinationStatus: DestinationStatus[];
  /** On a node that was triggered: where it archives, too. */
  ownArchive: (OwnArchive & { directory: string }) | null;
  gaps: GapRecord[];
}

function ownArchiveOf({ home, archiveDirectory }: Settings): Status['ownArchive'] {
  const begun = readOwnArchive(home);
  return begun === undefined ? null : { directory: archiveDirectory, ...begun };
}

function readStatus({ settings, identity }: ThisNode): Status {
  const { home, destinations } = settings;
  const since = statSync(archivingStatePath(home), { throwIfNoEntry: false })?.mtime.toISOString() ?? null;
  const place = { ...identity, segmentSize: readSegmentSize(settings.dataDirectory) };
  const known = {
    since,
    destinations: destinations.map(({ name }) => name),
    destinationStatus: readDestinationStatus(settings, place),
    gaps: listGaps(identity.stateDirectory),
  };
  let state: ArchivingState | undefined;
  try {
    state = readArchivingState(home);
    return { state, fault: null, ...known, ownArchive: ownArchiveOf(settings) };
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    // With a marker that cannot be read, files can be given up, but none is stored.
    const meant = state === 'discard' ? state : 'hold';
    return { state: meant, fault: error.message, ...known, ownArchive: null };
  }
}

/** What the state means for the next file. */
function meaning({ state, destinations, destinationStatus, ownArchive }: Status): string {
  if (state === 'hold')
    return 'archiving is on hold: nothing is archived; PostgreSQL keeps the WAL in pg_wal';
  if (state === 'discard') {
    return 'archiving is set to discard: files are given up, with a gap record for each; recovery cannot pass a gap';
  }
  const own = ownArchive === null ? [] : [`its own archive ${ownArchive.directory}`];
  const suspended = destinationStatus.filter((each) => each.state === 'suspended').map(({ name }) => name);
  const places = [...destinations.filter((name) => !suspended.includes(name)), ...own];
  if (places.length === 0)
    return 'archiving is on, but no destination is configured: archiveWALFile will fail';
  return `archiving is on: archiveWALFile stores files at ${places.join(', ')}`;
}

/** Of the state itself; where the server recovers, a node without destinations lacks nothing. */
function levelOfState(
  { state, fault, destinations, ownArchive }: Status,
  isRecovering: boolean,
): DestinationFinding['level'] | undefined {
  if (state === 'discard' || fault !== null) return 'CRITICAL';
  if (state === 'hold') return 'WARNING';
  return destinations.length === 0 && ownArchive === null && !isRecovering ? 'CRITICAL' : undefined;
}

/** What is wrong, the worst first. While nothing is archived, nothing fails. */
function findingsIn(status: Status, circumstances: Circumstances): DestinationFinding[] {
  const level = levelOfState(status, circumstances.isRecovering);
  if (level !== undefined) return [{ level, words: meaning(status) }];
  return findingsOf(status.destinationStatus, circumstances);
}

/** `findings`: where the answer is to begin with what monitoring reads. */
function describe(status: Status, findings: readonly DestinationFinding[] | undefined): string {
  const { since, fault, gaps, ownArchive, state } = status;
  const means = meaning(status);
  const ofState = findings?.find(({ words }) => words === means)?.level ?? 'OK';
  const others = findings?.filter(({ words }) => words !== means) ?? [];
  const begin = findings === undefined || others.length > 0 ? '' : `${ofState}: `;
  const lines = others.length > 0 ? describeFindings(others, '') : [];
  lines.push(`${begin}${means}${since === null ? '' : ` (set ${since})`}`);
  if (fault !== null) lines.push(`because ${fault}`);
  lines.push(...status.destinationStatus.filter(isWorthTelling).flatMap(describeDestination));
  if (ownArchive !== null)
    lines.push(`own archive: this node was triggered (timeline ${ownArchive.timeline}, ${ownArchive.since})`);
  const [oldest, last] = [gaps[0], gaps.at(-1)];
  if (oldest !== undefined && last !== undefined) {
    const span = gaps.length === 1 ? oldest.name : `${oldest.name} to ${last.name}`;
    const files = `${gaps.length} ${gaps.length === 1 ? 'file was' : 'files were'} discarded`;
    lines.push(`gaps: ${files}, ${span}, the last at ${last.at}`);
    if (state === 'on')
      lines.push('take a new base backup if there is none since then: an older one ends at the gap');
  }
  return `${lines.join('\n')}\n`;
}

async function run(call: ProgramCall): Promise<number> {
  const node = await openThisNode(call);
  const { settings, identity } = node;
  const wanted = archivingStates.find((state) => state === call.positionals[0]);
  if (wanted !== undefined) writeArchivingState(settings.home, wanted, identity.nodeId);
  const status = readStatus(node);
  const hasOwnArchive = status.ownArchive !== null;
  const findings = findingsIn(status, {
    isRecovering: isRecovering(settings),
    hasOwnArchive,
    nowMs: Date.now(),
  });
  const level = worstOf(findings);
  const json = `${JSON.stringify({ status: level, findings, ...status })}\n`;
  const asked = wanted === undefined ? findings : undefined;
  call.voice.answer(call.options['json'] === true ? json : describe(status, asked));
  return wanted === undefined ? monitoringCodes[level] : 0;
}

export const command: Command = {
  name: 'twowarm archiving',
  summary: 'Shows or sets whether this node archives: on, hold or discard.',
  positionals: archivingArguments,
  options: archivingOptions,
  exitStatus: monitoringStatus('status'),
  exitCodeOfFault: (call, exitCode) =>
    call.positionals.includes('status') ? monitoringCodes.UNKNOWN : exitCode,
  run,
};
