// The state "discard": the file is given up on purpose, which is written down first, durably, at this node, and then
// at every destination, where a standby sees it. What could not be told a destination is told before the next file.
import { readdirSync, readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { ThisNode } from '../postgres/this-node.ts';
import type { Voice } from '../program/command.ts';
import { parseGapRecord, writeGapRecord, type GapRecord } from '../program/gap-record.ts';
import { errnoOf, fromSystemError } from '../program/program-error.ts';
import type { Destination } from '../program/settings/settings.ts';
import { atDestination } from './destinations.ts';
import { requiredDestinations } from './own-destination.ts';

/** How long a destination that does not answer may hold up what must go on, in ms: it is told again with the next file. */
const tellLimitMs = 5000;

const gapsIn = (stateDirectory: string): string => join(stateDirectory, 'gaps');
const untoldIn = (stateDirectory: string): string => join(stateDirectory, 'untold-gaps');

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => !name.startsWith('.'))
      .sort();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw fromSystemError(error, `could not read ${directory}`);
  }
}

/** The record, unless another archiver has told it and removed it since its name was read. */
function readGapIfThere(directory: string, name: string): GapRecord | undefined {
  const path = join(directory, name);
  try {
    return parseGapRecord(path, readFileSync(path, 'utf8'));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fromSystemError(error, `could not read ${path}`);
  }
}

/** The gap records of this node, in name order. */
export function listGaps(stateDirectory: string): GapRecord[] {
  const directory = gapsIn(stateDirectory);
  return namesIn(directory).flatMap((name) => readGapIfThere(directory, name) ?? []);
}

/** Tells every destination at the same time; throws the first fault when one could not be told. */
async function tellDestinations(gap: GapRecord, node: ThisNode, stop: AbortSignal): Promise<void> {
  const tell = (destination: Destination) => {
    const brief = { ...destination, timeLimitMs: Math.min(destination.timeLimitMs, tellLimitMs) };
    return atDestination(brief, node, `record the gap ${gap.name}`, stop, (road, signal) =>
      road.recordGap(gap, signal),
    );
  };
  const destinations = await requiredDestinations(node, stop);
  const told = await Promise.allSettled(destinations.map(tell));
  const failed = told.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

function writeGap(gap: GapRecord, { stateDirectory, nodeId }: ThisNode['identity']): void {
  for (const directory of [gapsIn(stateDirectory), untoldIn(stateDirectory)]) {
    writeGapRecord(directory, gap, nodeId);
  }
}

/** Gives a file up: returns only when that is on record. */
export async function discardFile(
  name: string,
  dryRun: boolean,
  node: ThisNode,
  voice: Voice,
  stop: AbortSignal,
): Promise<void> {
  if (dryRun) return voice.answer(`${name} would be discarded\n`);
  const { settings, identity } = node;
  writeGap({ name, reason: 'discarded', at: new Date().toISOString(), node: settings.nodeName }, identity);
  await voice.report('WARNING', {
    message: `discarded ${name}: the archiving state is "discard"`,
    hint: 'Point-in-time recovery and archive-only standbys end here. To archive again: twowarm archiving on',
  });
  try {
    await deliverGaps(node, stop);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    await voice.report('WARNING', {
      message: `${reason}; it will be recorded before the next file is archived`,
    });
  }
}

function forget(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    // Another archiver has told the same gap at the same time.
    if (errnoOf(error) !== 'ENOENT') throw fromSystemError(error, `could not remove ${path}`);
  }
}

/** Tells the destinations of gaps that they have not heard of. */
export async function deliverGaps(node: ThisNode, stop: AbortSignal): Promise<void> {
  const untold = untoldIn(node.identity.stateDirectory);
  for (const name of namesIn(untold)) {
    const gap = readGapIfThere(untold, name);
    if (gap !== undefined) await tellDestinations(gap, node, stop);
    forget(join(untold, name));
  }
}
