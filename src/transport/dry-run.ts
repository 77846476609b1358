// A road that changes nothing: it reads and compares as the real one would and says what would have come of it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProgramError } from '../program/program-error.ts';
import { readRoadUrl } from '../program/road-url.ts';
import { closeFile } from '../program/system-calls.ts';
import { compareBytes, openRegular, openSourceFile } from './copy.ts';
import { requireOwner } from './fenced.ts';
import { alreadyInspected } from './publish.ts';
import type { Inspect, PutOutcome, ReadTransport, Transport } from './transport.ts';
import { requireAdoptable, requireStorable } from './would-be-writable.ts';

/** The outcome that put would have on this road; recordGap and remove do nothing. */
export function dryRun(road: ReadTransport): Transport {
  return {
    url: road.url,
    promises: road.promises,
    isVacant: road.isVacant,
    list: (signal) => road.list(signal),
    stat: (name, signal) => road.stat(name, signal),
    get: (name, path, inspect, signal) => road.get(name, path, inspect, signal),
    gapOf: (name, signal) => road.gapOf(name, signal),
    watch: (wake) => road.watch(wake),
    close: () => road.close(),
    ownership: (signal) => road.ownership(signal),
    reservationOf: (timeline, signal) => road.reservationOf(timeline, signal),
    put: (name, source, inspectOf, signal) => wouldPut(road, name, source, inspectOf, signal),
    recordGap: async (gap, signal) =>
      requireOwner(await road.ownership(signal), `record the gap ${gap.name}`, road.url),
    claim: refuseDryRun,
    release: refuseDryRun,
    reserve: refuseDryRun,
    remove: async (name, signal) => ((await road.stat(name, signal)) === 'missing' ? 'missing' : 'removed'),
  };
}

/** Who asks what would come of these looks with ownership and reservationOf. */
const refuseDryRun = async (): Promise<never> => {
  throw new Error('a dry run claims and reserves nothing');
};

async function wouldPut(
  road: ReadTransport,
  name: string,
  source: string,
  inspectOf: (sizeBytes: number) => Inspect,
  signal: AbortSignal,
): Promise<PutOutcome> {
  // A far side judges by itself.
  const told = await road.wouldPut?.(name, source, inspectOf, signal);
  if (told !== undefined) return told;
  const found = readRoadUrl(road.url);
  const directory = found.kind === 'directory' ? found.directory : undefined;
  if (directory !== undefined) await requireAdoptable(directory);
  const outcome = await compareWith(road, name, source, inspectOf, signal);
  if (directory !== undefined) await requireStorable(directory, name, road.url, outcome);
  return outcome;
}

/** What the bytes alone would come to. */
async function compareWith(
  road: ReadTransport,
  name: string,
  source: string,
  inspectOf: (sizeBytes: number) => Inspect,
  signal: AbortSignal,
): Promise<PutOutcome> {
  const opened = await openSourceFile(source);
  const directory = await mkdtemp(join(tmpdir(), 'twowarm-dry-run-'));
  try {
    requireOwner(await road.ownership(signal), `store ${name}`, road.url);
    const inspect = inspectOf(opened.stats.size);
    await compareBytes(opened.descriptor, opened.descriptor, inspect, signal);
    const copy = join(directory, 'existing');
    const found = await road.get(name, copy, () => alreadyInspected, signal);
    if (found === 'missing') return 'stored';
    if (await isSame(opened.descriptor, copy, signal)) return 'already-stored';
    if (name.endsWith('.partial')) return 'stored-as-version';
    throw new ProgramError('archive-duplicate', `${name} exists at ${road.url} with different content`);
  } finally {
    await closeFile(opened.descriptor);
    await rm(directory, { recursive: true });
  }
}

async function isSame(descriptor: number, path: string, signal: AbortSignal): Promise<boolean> {
  const existing = await openRegular(path);
  if (existing === 'not a file') return false;
  try {
    return (await compareBytes(descriptor, existing.descriptor, alreadyInspected, signal)) === 'identical';
  } finally {
    await closeFile(existing.descriptor);
  }
}
