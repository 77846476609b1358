// The state "discard": the file is given up on purpose, which is written down first, durably, at this node, and then
// at every destination, where a standby sees it. What could not be told a destination is told before the next file.
import { readFileSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { ThisNode } from '../postgres/this-node.ts';
import type { Voice } from '../program/command.ts';
import { isAway, readSuspension } from '../program/destination-notes.ts';
import { parseGapRecord, writeGapRecord, type GapRecord } from '../program/gap-record.ts';
import { listDirectory } from '../program/list-directory.ts';
import { errnoOf, fromSystemError } from '../program/program-error.ts';
import type { Destination } from '../program/settings/settings.ts';
import { atDestination } from './destinations.ts';
import { isOwn, requiredDestinations } from './own-destination.ts';

/** How long a destination that does not answer may hold up what must go on, in ms: it is told again with the next file. */
const tellLimitMs = 5000;

const gapsIn = (stateDirectory: string): string => join(stateDirectory, 'gaps');
const untoldIn = (stateDirectory: string): string => join(stateDirectory, 'untold-gaps');

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
  return listDirectory(directory).flatMap((name) => readGapIfThere(directory, name) ?? []);
}

/**
 * Tells every destination at the same time. One that cannot be told is owed it, where archiving goes on without that
 * destination; else the first fault is thrown.
 */
async function tellDestinations(gap: GapRecord, node: ThisNode, stop: AbortSignal): Promise<void> {
  const tell = async (destination: Destination): Promise<void> => {
    const brief = { ...destination, timeLimitMs: Math.min(destination.timeLimitMs, tellLimitMs) };
    const isAbsent = !isOwn(destination) && isAway(node.settings.home, destination.name);
    try {
      // One that did not answer lately would hold up each of a thousand files.
      if (isAbsent && isDispensable(destination, node)) return await oweGap(destination, gap, node);
      await atDestination(brief, node, `record the gap ${gap.name}`, stop, (road, signal) =>
        road.recordGap(gap, signal),
      );
    } catch (error) {
      stop.throwIfAborted();
      if (!isDispensable(destination, node)) throw error;
      await oweGap(destination, gap, node);
    }
  };
  const destinations = await requiredDestinations(node, stop);
  const told = await Promise.allSettled(destinations.map(tell));
  const failed = told.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** Whether files are archived without this destination while it is not there. */
function isDispensable(destination: Destination, { settings }: ThisNode): boolean {
  if (isOwn(destination)) return false;
  if (destination.policy !== 'required') return true;
  const hasFallback = settings.destinations.some(({ standIn }) => standIn?.for.includes(destination.name));
  return hasFallback || readSuspension(settings.home, destination.name) !== undefined;
}

async function oweGap(destination: Destination, gap: GapRecord, node: ThisNode): Promise<void> {
  const debts = await import('../transport/backfill/debts.ts');
  debts.oweGap(destination.name, gap.name, node);
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
  for (const name of listDirectory(untold)) {
    const gap = readGapIfThere(untold, name);
    if (gap !== undefined) await tellDestinations(gap, node, stop);
    forget(join(untold, name));
  }
}
