// A copy from another archive, for one who is owed the file: fetched into the spool and put from there. An archive that
// does not answer is left alone for a while, for a thousand files may be owed; while it hangs no further call begins.
import { join } from 'node:path';
import { bounded } from '../../program/bounded.ts';
import { ProgramError } from '../../program/program-error.ts';
import { ensureDirectory } from '../../program/small-file.ts';
import { temporaryPath } from '../../program/temporary-name.ts';
import type { WalFileName } from '../../wal/filename.ts';
import { openSource } from '../open.ts';
import type { InspectOf } from '../transport.ts';
import { noteUnfinished, removeUnfinished } from '../unfinished.ts';
import type { Put, Search } from './find-copy.ts';
import type { OwingNode } from './owing-node.ts';

/** How long an archive may take to show its copy, in ms: the one that is owed it, and perhaps PostgreSQL, wait. */
const fetchLimitMs = 10_000;
/** How long one that could not be asked is left alone: so many ms, and so many times what it took. */
const leaveAloneMs = 5000;
const leaveAloneTimes = 3;

interface Unanswered {
  fault: ProgramError;
  untilMs: number;
  /** The call has not ended, although it was given up. */
  hangs: boolean;
}

/** By URL, of this process. */
const unanswered = new Map<string, Unanswered>();

/** Fetches the file from the archive and puts it; a fault where that cannot say whether it has the file. */
export async function fetchCopy(
  url: string,
  name: WalFileName,
  node: OwingNode,
  inspect: () => InspectOf,
  put: Put,
  stop: AbortSignal,
): Promise<Search> {
  const last = unanswered.get(url);
  if (last !== undefined && (last.hangs || performance.now() < last.untilMs)) return last.fault;
  unanswered.delete(url);
  const { stateDirectory, nodeId } = node.identity;
  const spool = join(node.settings.home, 'spool');
  ensureDirectory(spool);
  const path = temporaryPath(join(spool, name.name), nodeId);
  noteUnfinished(stateDirectory, path);
  try {
    const found = await fetch(url, name.name, path, node, inspect, stop);
    if (found instanceof ProgramError) return found;
    if (found === 'missing') return 'nowhere';
    if (await put(path, inspect())) return 'put';
    return new ProgramError('invalid-file', `the copy of ${name.name} at ${url} is not what its name says`);
  } finally {
    await removeUnfinished(stateDirectory, path);
  }
}

/** A source that fails says nothing about the file, also one whose copy is damaged. */
async function fetch(
  url: string,
  name: string,
  path: string,
  { identity }: OwingNode,
  inspect: () => InspectOf,
  stop: AbortSignal,
): Promise<'fetched' | 'missing' | ProgramError> {
  const startedAt = performance.now();
  let hasEnded = false;
  const ended = (): void => {
    hasEnded = true;
    const last = unanswered.get(url);
    if (last !== undefined) last.hangs = false;
  };
  const get = async (signal: AbortSignal): Promise<'fetched' | 'missing'> => {
    const source = await openSource(url, identity, signal);
    try {
      return await source.get(name, path, inspect(), signal);
    } finally {
      await source.close();
    }
  };
  try {
    return await bounded(`fetch ${name} from ${url}`, fetchLimitMs, stop, (signal) =>
      get(signal).finally(ended),
    );
  } catch (error) {
    stop.throwIfAborted();
    if (!(error instanceof ProgramError)) throw error;
    const isOfTheCopy = error.kind === 'invalid-file' || error.kind === 'wrong-cluster';
    if (isOfTheCopy) return error;
    const now = performance.now();
    const untilMs = now + Math.max(leaveAloneMs, leaveAloneTimes * (now - startedAt));
    unanswered.set(url, { fault: error, untilMs, hangs: !hasEnded });
    return error;
  }
}
