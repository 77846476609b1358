// One thing from the own archive to one destination. What is wrong with the thing itself is an answer; what is wrong
// with the destination is thrown.
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ThisNode } from '../postgres/this-node.ts';
import { ProgramError } from '../program/program-error.ts';
import { ensureDirectory } from '../program/small-file.ts';
import { stat, unlessMissing } from '../program/system-calls.ts';
import { temporaryPath } from '../program/temporary-name.ts';
import { nameOfVersion, pathOfVersion } from '../transport/archive-extras.ts';
import { inspectAs, type Inspection } from '../transport/inspection.ts';
import type { PutOutcome, ReadTransport, Transport } from '../transport/transport.ts';
import { noteUnfinished, removeUnfinished } from '../transport/unfinished.ts';
import { parseWalFileName } from '../wal/filename.ts';

/** Files under way at a time; in a dry run, whose answers a person reads in their order, only one. */
export const atOnce = ({ identity }: ThisNode): number => (identity.dryRun ? 1 : 4);

export interface Carriage {
  /** The own archive. */
  source: ReadTransport;
  node: ThisNode;
  road: Transport;
  signal: AbortSignal;
}

/** `gone`: it was removed from the own archive meanwhile. */
export type Carried =
  | { outcome: PutOutcome | 'recorded'; warning?: string | undefined }
  | { outcome: 'gone' }
  | { outcome: 'refused'; fault: ProgramError };

/** Faults of the file, whichever destination finds them; or of what is there under its name. */
const ofTheFile: readonly string[] = [
  'archive-duplicate',
  'invalid-file',
  'invalid-name',
  'source-missing',
  'wrong-cluster',
];

/** A fault that the own archive has with one file must not look like one of the destination. */
class SourceFault extends Error {
  readonly fault: ProgramError;
  constructor(fault: ProgramError) {
    super(fault.message);
    this.fault = fault;
  }
}

/** Carries what a key stands for; see queue.ts. */
export async function carry(key: string, carriage: Carriage): Promise<Carried> {
  try {
    return key.endsWith('.gap') ? await carryGap(key.slice(0, -4), carriage) : await carryFile(key, carriage);
  } catch (error) {
    if (error instanceof SourceFault) return { outcome: 'refused', fault: error.fault };
    if (error instanceof ProgramError && ofTheFile.includes(error.kind))
      return { outcome: 'refused', fault: error };
    throw error;
  }
}

async function carryGap(name: string, { source, road, signal }: Carriage): Promise<Carried> {
  const gap = await source.gapOf(name, signal).catch(asSourceFault);
  if (gap === undefined) return { outcome: 'gone' };
  await road.recordGap(gap, signal);
  return { outcome: 'recorded' };
}

async function carryFile(key: string, carriage: Carriage): Promise<Carried> {
  const { node, road, signal } = carriage;
  const directory = node.settings.archiveDirectory;
  const version = nameOfVersion(key);
  const file = parseWalFileName(version ?? key);
  if (file === undefined) throw new Error(`"${key}" stands for nothing that can be carried`);
  const path = version === undefined ? join(directory, key) : pathOfVersion(directory, key);
  const inspection = inspectAs(file, node.cluster, `cannot relay ${file.name}`);
  const put = (from: string): Promise<PutOutcome> => road.put(file.name, from, inspection.of, signal);
  try {
    return said(await onceWhole(path, () => put(path), signal), inspection);
  } catch (error) {
    if (!(error instanceof ProgramError) || error.kind !== 'source-missing') throw error;
    if (version !== undefined)
      return (await isThere(path)) ? { outcome: 'refused', fault: error } : { outcome: 'gone' };
    return withCopy(file.name, carriage, async (copy) => said(await put(copy), inspection));
  }
}

const said = (outcome: PutOutcome, inspection: Inspection): Carried => ({
  outcome,
  warning: inspection.warning(),
});

/** A file that is not there in plain may be there in another form, which the road to the own archive can read. */
async function withCopy(
  name: string,
  { source, node, signal }: Carriage,
  use: (copy: string) => Promise<Carried>,
): Promise<Carried> {
  const { settings, identity } = node;
  const spool = join(settings.home, 'spool');
  ensureDirectory(spool);
  const copy = temporaryPath(join(spool, name), identity.nodeId);
  const nothing = { add: () => undefined, end: () => undefined };
  noteUnfinished(identity.stateDirectory, copy);
  try {
    // Inspected when it is put.
    const found = await source.get(name, copy, () => nothing, signal).catch(asSourceFault);
    return found === 'missing' ? { outcome: 'gone' } : await use(copy);
  } finally {
    await removeUnfinished(identity.stateDirectory, copy);
  }
}

function asSourceFault(error: unknown): never {
  throw error instanceof ProgramError ? new SourceFault(error) : error;
}

/** How long a file that is not what it should be must have stayed the same to be judged, in ms, and how often it may not. */
const settleMs = 500;
const mostLooks = 60;

/** Any program may fill an archive: a file that somebody still copies into place under its own name is not damaged. */
async function onceWhole<T>(path: string, attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let before: string | undefined, looks = 0; ; looks++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof ProgramError) || error.kind !== 'invalid-file') throw error;
      const now = await identityOf(path);
      if (now === before || looks === mostLooks) throw error;
      before = now;
      await pause(settleMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

async function identityOf(path: string): Promise<string> {
  const stats = await unlessMissing(stat(path));
  return stats === undefined ? 'gone' : [stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs].join(' ');
}

const isThere = async (path: string): Promise<boolean> => (await identityOf(path)) !== 'gone';
