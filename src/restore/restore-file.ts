// restore_command: one requested file from the first source that has it. Three answers: it is there; every source says
// that it is absent; or it cannot be known, which is thrown.
import { join, resolve } from 'node:path';
import type { RecoveryMode } from '../postgres/recovery-mode.ts';
import type { ThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import type { Voice } from '../program/command.ts';
import { describeError } from '../program/print-error.ts';
import { fromSystemError, ProgramError } from '../program/program-error.ts';
import { inspectAs } from '../transport/inspection.ts';
import { openSource } from '../transport/open.ts';
import { retrying } from '../transport/retry.ts';
import type { ReadTransport } from '../transport/transport.ts';
import { sweepUnfinished } from '../transport/unfinished.ts';
import { parseWalFileName, type WalFileName } from '../wal/filename.ts';
import { historyLimitMs, retryWithinMs } from './answer.ts';
import { deliver } from './deliver.ts';

/** %f and %p, as PostgreSQL gives them. */
export interface Request {
  fileName: string;
  path: string;
  workingDirectory: string;
  mode: RecoveryMode;
}

/** The name that is asked for. */
export function requireName({ fileName, path }: Request): WalFileName {
  const name = parseWalFileName(fileName);
  if (name !== undefined) return name;
  const swapped = parseWalFileName(path) !== undefined;
  throw new ProgramError('invalid-name', `"${fileName}" is not the name of a file that PostgreSQL restores`, {
    hint: swapped ? 'Are %f and %p swapped? The order is %f %p.' : undefined,
  });
}

/** Restores the file, or says that every source is sure not to have it. */
export async function restoreFile(
  request: Request,
  node: ThisNode,
  voice: Voice,
  stop: AbortSignal,
): Promise<'restored' | 'absent'> {
  const name = requireName(request);
  // Timeline 1 has no history; PostgreSQL never writes this file (timeline.c).
  if (name.kind === 'history' && name.timeline === 1) return 'absent';
  const { retryLimitMs } = node.settings.restore;
  const withinMs = retryWithinMs(request.mode, name.kind === 'history', retryLimitMs);
  const limits = { retries: withinMs === 0 ? 0 : 1000, firstPauseMs: 100, longestPauseMs: 1000, withinMs };
  const faults: unknown[] = [];
  const turn = () => askSources(name, request, node, voice, stop, faults);
  let answer: 'restored' | 'absent' | undefined;
  let thrown: unknown;
  try {
    answer = await retrying(limits, stop, turn, mayPass);
  } catch (error) {
    if (stop.aborted) throw error;
    thrown = error;
  }
  // Once, after the last turn; also when the file is there: a source that should have had it is in trouble.
  for (const fault of faults.filter((each) => each !== thrown)) {
    await voice.report('WARNING', describeError(fault).report);
  }
  if (answer === undefined) throw thrown;
  await voice.event(`${name.name}: ${answer}`, { file: name.name, answer, mode: request.mode });
  return answer;
}

/** Faults of a source that a moment may cure; a damaged file stays damaged. */
function mayPass(error: unknown): boolean {
  const passing = ['directory-missing', 'permission-denied', 'input-output', 'timed-out', 'no-space'];
  return error instanceof ProgramError && passing.includes(error.kind);
}

/** One turn over all sources: a source that cannot say does not hide the next one, which may have the file. */
async function askSources(
  name: WalFileName,
  request: Request,
  node: ThisNode,
  voice: Voice,
  stop: AbortSignal,
  faults: unknown[],
): Promise<'restored' | 'absent'> {
  const { stateDirectory, nodeId } = node.identity;
  await sweepUnfinished(stateDirectory, nodeId, stop);
  faults.length = 0;
  for (const url of sourcesFor(name, request, node)) {
    try {
      if ((await fetchFrom(url, name, request, node, voice, stop)) === 'fetched') return 'restored';
    } catch (error) {
      if (stop.aborted) throw error;
      faults.push(error);
    }
  }
  if (node.settings.restore.sources.length === 0) throw new Error('there is no source to ask');
  if (faults.length > 0) throw faults.find(mayPass) ?? faults[0];
  return 'absent';
}

/** In the window without a signal file the histories of the parents are in pg_wal, and must be found (trap T10b). */
function sourcesFor(name: WalFileName, request: Request, node: ThisNode): string[] {
  const { sources } = node.settings.restore;
  return request.mode === 'none' && name.kind === 'history'
    ? [`file:${join(node.settings.dataDirectory, 'pg_wal')}`, ...sources]
    : sources;
}

async function fetchFrom(
  url: string,
  name: WalFileName,
  request: Request,
  node: ThisNode,
  voice: Voice,
  stop: AbortSignal,
): Promise<'fetched' | 'missing'> {
  const target = resolve(request.workingDirectory, request.path);
  const what = `restore ${name.name} from ${url}`;
  const inspection = inspectAs(name, node.cluster, `will not ${what}`);
  // A history file is a few lines: a source that takes longer is one that hangs, and the server asks at every turn.
  const limitMs = Math.min(
    node.settings.restore.timeLimitMs,
    name.kind === 'history' ? historyLimitMs : Infinity,
  );
  const fetched = await bounded(what, limitMs, stop, async (signal) => {
    const source = await openSource(url, node.identity);
    const get = (path: string, begin: () => void) => {
      const inspectOf = (sizeBytes: number) => {
        begin();
        return inspection.of(sizeBytes);
      };
      return source.get(name.name, path, inspectOf, signal);
    };
    try {
      const outcome = await deliver(target, node.identity, signal, get);
      if (outcome === 'missing') {
        if (request.mode === 'recovery' && source.isVacant) throw vacant(url, node);
        await tellOfGap(name.name, source, voice, signal);
      }
      return outcome;
    } catch (error) {
      throw fromSystemError(error, `could not ${what}`);
    } finally {
      await source.close();
    }
  });
  const warning = inspection.warning();
  if (warning !== undefined)
    await voice.report('WARNING', { message: warning, hint: 'Is there a newer twowarm?' });
  return fetched;
}

/** Recovery ends at the first absent file: an empty directory that was never an archive cannot be believed. */
function vacant(url: string, node: ThisNode): ProgramError {
  return new ProgramError('directory-missing', `the source ${url} is empty and was never an archive`, {
    hint: `Mount it, or correct restore.sources in ${node.settings.configurationFile}.`,
  });
}

/** A file that was given up on purpose is absent, but nobody should have to guess why. */
async function tellOfGap(
  name: string,
  source: ReadTransport,
  voice: Voice,
  signal: AbortSignal,
): Promise<void> {
  // Also a record that cannot be read leaves the file absent: this source has just said so.
  const gap = await source.gapOf(name, signal).catch((error: unknown) => describeError(error).report);
  if (gap === undefined) return;
  if ('message' in gap) return voice.report('WARNING', gap);
  await voice.report('WARNING', {
    message: `${name} was discarded by ${gap.node} at ${gap.at}: recovery from ${source.url} ends here`,
    hint: 'What was committed from here on needs another source, or a new base backup.',
  });
}
