// One look for one file: every source in order, the first that has it delivers. A source that cannot say does not hide
// the next one, which may have the file; but where none has it, its silence makes the file unknown, not absent.
import { join, resolve } from 'node:path';
import type { RecoveryMode } from '../postgres/recovery-mode.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import type { Voice } from '../program/command.ts';
import { describeError, type Report } from '../program/print-error.ts';
import { fromSystemError, ProgramError } from '../program/program-error.ts';
import { namingFile } from '../transport/archive-faults.ts';
import { inspectAs } from '../transport/inspection.ts';
import { openSource } from '../transport/open.ts';
import type { PrunedRange } from '../transport/pruned-ranges.ts';
import { retrying } from '../transport/retry.ts';
import type { ReadTransport } from '../transport/transport.ts';
import type { WalFileName } from '../wal/filename.ts';
import { historyLimitMs } from './answer.ts';
import { keepRegistered } from './consumers/registered.ts';
import { deliver } from './deliver.ts';
import { cutAt, shareOf } from './timelines/fork.ts';

/** One request of the server, with all that is needed to answer it. */
export interface Asking {
  name: WalFileName;
  /** %p, absolute. */
  target: string;
  mode: RecoveryMode;
  node: ThisNode;
  voice: Voice;
  stop: AbortSignal;
  /** %r, where restore_command passes it on. */
  restartFile?: string | undefined;
  /** Identity of the configuration file that `node` came from, once somebody has looked. */
  configuration?: string;
}

/** Faults of a source that a moment may cure; a damaged file stays damaged. */
const passing = [
  'directory-missing',
  'permission-denied',
  'input-output',
  'timed-out',
  'no-space',
  'connection-lost',
  'unreachable',
];

/** Can the same question have another answer in a moment? */
export const mayPass = (error: unknown): boolean =>
  error instanceof ProgramError && passing.includes(error.kind);

/**
 * Asks until there is an answer, for `withinMs` where it cannot be known, and then throws. Faults of sources that did
 * not decide are reported once, after the last turn: a source that should have had the file is in trouble.
 */
export async function askWithin(
  asking: Asking,
  withinMs: number,
  worthRetrying: (error: unknown) => boolean = mayPass,
): Promise<'restored' | 'absent'> {
  const limits = { retries: withinMs === 0 ? 0 : 1000, firstPauseMs: 100, longestPauseMs: 1000, withinMs };
  const faults: unknown[] = [];
  let thrown: unknown;
  try {
    return await retrying(limits, asking.stop, () => askSources(asking, faults), worthRetrying);
  } catch (error) {
    thrown = error;
    throw error;
  } finally {
    for (const fault of faults) {
      if (fault === thrown || asking.stop.aborted) continue;
      await asking.voice.report('WARNING', describeError(fault).report);
    }
  }
}

/** One turn over all sources; `faults` then holds what went wrong at each, also where another one answered. */
export async function askSources(asking: Asking, faults: unknown[]): Promise<'restored' | 'absent'> {
  faults.length = 0;
  await keepRegistered(asking);
  const pruned: PrunedAt[] = [];
  for (const url of sourcesFor(asking)) {
    try {
      if ((await fetchFrom(url, asking, pruned)) === 'fetched') return 'restored';
    } catch (error) {
      // What cannot be told of the server itself, the next source does not know either.
      const isOfServer = error instanceof ProgramError && error.kind === 'timeline-unknown';
      if (asking.stop.aborted || isOfServer) throw error;
      faults.push(error);
    }
  }
  if (asking.node.settings.restore.sources.length === 0) throw new Error('there is no source to ask');
  if (faults.length > 0) throw faults.find(mayPass) ?? faults[0];
  if (pruned.length > 0) await tellOfPruned(asking, pruned);
  return 'absent';
}

/** In the window without a signal file the histories of the parents are in pg_wal, and must be found (trap T10b). */
function sourcesFor({ name, mode, node }: Asking): string[] {
  const { restore, dataDirectory } = node.settings;
  return mode === 'none' && name.kind === 'history'
    ? [`file:${join(dataDirectory, 'pg_wal')}`, ...restore.sources]
    : restore.sources;
}

async function fetchFrom(url: string, asking: Asking, pruned: PrunedAt[]): Promise<'fetched' | 'missing'> {
  const { name, mode, node, voice, stop } = asking;
  const what = `restore ${name.name} from ${url}`;
  const inspection = inspectAs(name, node.cluster, `will not ${what}`);
  // A history file is a few lines: a source that takes longer is one that hangs, and the server asks at every turn.
  const limitMs = Math.min(
    node.settings.restore.timeLimitMs,
    name.kind === 'history' ? historyLimitMs : Infinity,
  );
  const fetched = await bounded(what, limitMs, stop, async (signal) => {
    const source = await openSource(url, node.identity, signal);
    try {
      const outcome = await fetch(source, inspection.of, asking, signal);
      if (outcome === 'missing') {
        if (mode === 'recovery' && source.isVacant) throw vacant(url, node);
        await tellOfGap(source, asking, signal);
        const range = await prunedOf(name, source, signal);
        if (range !== undefined) pruned.push({ url, range });
      }
      return outcome;
    } catch (error) {
      throw fromSystemError(error, `could not ${what}`);
    } finally {
      await source.close();
    }
  }).catch((error: unknown) => {
    throw namingFile(`restore ${name.name}`, error);
  });
  const warning = inspection.warning();
  if (warning !== undefined)
    await voice.report('WARNING', { message: warning, hint: 'Is there a newer twowarm?' });
  return fetched;
}

/** Delivers what of the file belongs to the line that is followed: nothing past a fork is ever replayed (trap T10c). */
async function fetch(
  source: ReadTransport,
  inspectOf: Parameters<ReadTransport['get']>[2],
  asking: Asking,
  signal: AbortSignal,
): Promise<'fetched' | 'missing'> {
  const share = await shareOf(asking, source, signal);
  if (share === 'past') return 'missing';
  return deliver(asking.target, asking.node.identity, signal, async (path, begin) => {
    let sizeBytes = 0;
    const beginning = (size: number) => {
      begin();
      sizeBytes = size;
      return inspectOf(size);
    };
    const outcome = await source.get(asking.name.name, path, beginning, signal);
    if (outcome === 'fetched' && share !== 'whole') cutAt(path, sizeBytes, share);
    return outcome;
  });
}

/** Recovery ends at the first absent file: an empty directory that was never an archive cannot be believed. */
function vacant(url: string, node: ThisNode): ProgramError {
  return new ProgramError('directory-missing', `the source ${url} is empty and was never an archive`, {
    hint: `Mount it, or correct restore.sources in ${node.settings.configurationFile}.`,
  });
}

/** A file that was given up on purpose is absent, but nobody should have to guess why. */
async function tellOfGap(source: ReadTransport, asking: Asking, signal: AbortSignal): Promise<void> {
  // Also a record that cannot be read leaves the file absent: this source has just said so.
  const gap = await source
    .gapOf(asking.name.name, signal)
    .catch((error: unknown) => describeError(error).report);
  if (gap === undefined) return;
  const { sayGap } = await import('./say-gap.ts');
  await sayGap(asking, source.url, gap);
}

/** Where a segment was pruned, and with what; or why that cannot be said. */
export interface PrunedAt {
  url: string;
  range: PrunedRange | Report;
}

/** Also a record that cannot be read leaves the segment absent, as with gaps. */
async function prunedOf(
  { kind, name }: WalFileName,
  source: ReadTransport,
  signal: AbortSignal,
): Promise<PrunedAt['range'] | undefined> {
  if (kind !== 'segment') return undefined;
  return source.prunedOf?.(name, signal).catch((error: unknown) => describeError(error).report);
}

async function tellOfPruned(asking: Asking, pruned: readonly PrunedAt[]): Promise<void> {
  const { sayPruned } = await import('./consumers/say-pruned.ts');
  await sayPruned(asking, pruned);
}

/** %p as an absolute path. */
export const targetOf = (workingDirectory: string, path: string): string => resolve(workingDirectory, path);
