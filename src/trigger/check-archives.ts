// The archives before a promotion: each source is really looked at, because what it holds beyond the replayed WAL would
// be lost; and the node's own archive, into which a promoted node archives.
import { access, constants } from 'node:fs/promises';
import type { ThisNode } from '../postgres/this-node.ts';
import { bounded } from '../program/bounded.ts';
import { fromSystemError, ProgramError } from '../program/program-error.ts';
import { withoutSecret } from '../program/road-url.ts';
import { openDestination, openSource } from '../transport/open.ts';
import { historyName } from '../wal/filename.ts';
import type { Wish } from './options.ts';
import type { Plan } from './plan.ts';
import type { Telling } from './telling.ts';

/** The longest look at one archive, in ms: somebody waits for the promotion, and does not care for sources if it is fast. */
const lookLimitMs = 10_000;
const briefLookMs = 2000;

/** What keeps a source from being read, if anything does. */
export async function faultOfSource(
  url: string,
  plan: Plan,
  node: ThisNode,
  stop: AbortSignal,
  brief: boolean,
): Promise<Error | undefined> {
  const limitMs = Math.min(node.settings.restore.timeLimitMs, brief ? briefLookMs : lookLimitMs);
  try {
    await bounded(`look into ${withoutSecret(url)}`, limitMs, stop, async (signal) => {
      const source = await openSource(url, node.identity, signal);
      try {
        await source.stat(historyName(2), signal);
        // What is empty may be a disk that is not mounted; a standby may well have been fed by streaming alone.
        if (source.isVacant && !plan.asksServer) throw vacant(url);
      } finally {
        await source.close();
      }
    });
    return undefined;
  } catch (error) {
    stop.throwIfAborted();
    const fault = fromSystemError(error, `could not look into ${withoutSecret(url)}`);
    if (!(fault instanceof ProgramError)) throw fault;
    return fault;
  }
}

const vacant = (url: string): ProgramError =>
  new ProgramError('directory-missing', `the source ${withoutSecret(url)} is empty and was never an archive`);

/**
 * Smart refuses if a source cannot be reached, fast only says so; both want the node's own archive. Returns the URLs of the
 * sources that were told of.
 */
export async function checkArchives(
  request: { dryRun: boolean; stop: AbortSignal },
  plan: Plan,
  node: ThisNode,
  telling: Telling,
): Promise<string[]> {
  const { sources } = node.settings.restore;
  const looks = await Promise.all(
    sources.map((url) => faultOfSource(url, plan, node, request.stop, plan.wish === 'fast')),
  );
  for (const [index, fault] of looks.entries())
    if (fault !== undefined) await tellUnreachable(sources[index]!, fault, plan.wish, telling);
  await checkOwnArchive(request, node);
  return sources.filter((_, index) => looks[index] !== undefined);
}

/** Throws where smart was asked for: what a source holds must be known. */
export async function tellUnreachable(
  url: string,
  fault: Error,
  wish: Wish,
  telling: Telling,
): Promise<void> {
  const message = `could not reach the source ${withoutSecret(url)}: ${fault.message}`;
  const cure = cureOf(fault);
  if (wish === 'fast') {
    const detail = 'What it holds beyond what was replayed will be missing.';
    return telling.warn({ message, detail, hint: cure });
  }
  const otherwise = 'promote with what is already here: triggerStandby fast';
  throw new ProgramError('source-unreachable', message, {
    detail: 'What it holds beyond what was replayed would be lost. Nothing was changed.',
    hint: cure === undefined ? `Make it reachable, or ${otherwise}` : `${cure} Or ${otherwise}`,
  });
}

/** The fault's own; not of a directory that is missing: an empty one in its place would hide what is lost. */
const cureOf = (fault: Error): string | undefined =>
  fault instanceof ProgramError && fault.kind !== 'directory-missing' ? fault.hint : undefined;

async function checkOwnArchive(
  request: { dryRun: boolean; stop: AbortSignal },
  { settings: { archiveDirectory }, identity }: ThisNode,
): Promise<void> {
  const url = `file:${archiveDirectory}`;
  try {
    await bounded(`look into ${url}`, lookLimitMs, request.stop, async () => {
      const archive = await (request.dryRun ? openSource : openDestination)(url, identity);
      await archive.close();
      await access(archiveDirectory, constants.R_OK | constants.W_OK | constants.X_OK);
    });
  } catch (error) {
    request.stop.throwIfAborted();
    const fault = fromSystemError(error, `could not write into the archive directory ${archiveDirectory}`);
    if (!(fault instanceof ProgramError)) throw fault;
    throw new ProgramError(fault.kind, fault.message, {
      detail:
        "It is this node's own archive, into which it archives from its promotion on. Nothing was changed.",
      hint: cureFor(fault, archiveDirectory),
      cause: error,
    });
  }
}

function cureFor({ kind, message, hint }: ProgramError, directory: string): string | undefined {
  if (message.endsWith('does not exist'))
    return `Mount it, or make it as the owner of the data directory: mkdir -m 700 ${directory}`;
  if (kind !== 'permission-denied') return hint;
  return 'The owner of the data directory must be able to read and write there.';
}
