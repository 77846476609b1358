// Where a file that a destination is owed can be had: what is held for it, pg_wal if the very file is still there, the
// own archive, another destination. "Nowhere" is only said when each of them has said so.
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ThisNode } from '../../postgres/this-node.ts';
import { bounded } from '../../program/bounded.ts';
import { isAway } from '../../program/destination-notes.ts';
import { readOwnArchive } from '../../program/own-archive.ts';
import { ProgramError } from '../../program/program-error.ts';
import { ensureDirectory } from '../../program/small-file.ts';
import { temporaryPath } from '../../program/temporary-name.ts';
import { inspectAs } from '../../transport/inspection.ts';
import { openSource } from '../../transport/open.ts';
import type { InspectOf } from '../../transport/transport.ts';
import { noteUnfinished, removeUnfinished } from '../../transport/unfinished.ts';
import type { WalFileName } from '../../wal/filename.ts';
import { heldCopies } from './held-copies.ts';

/** Puts a local file; true when the destination has it, false when the file is not what it should be. */
export type Put = (source: string, inspect: InspectOf) => Promise<boolean>;

export type Search = 'put' | 'nowhere' | 'unknown';

/** How long another destination may take to show its copy, in ms: the one that is owed it, and PostgreSQL, wait. */
const fetchLimitMs = 10_000;

/** Finds a copy and puts it; `debtor` is the destination that lacks it. */
export async function putFromAnywhere(
  name: WalFileName,
  debtor: string,
  node: ThisNode,
  put: Put,
  stop: AbortSignal,
): Promise<Search> {
  const { home, dataDirectory } = node.settings;
  const inspect = (): InspectOf => inspectAs(name, node.cluster, `cannot archive ${name.name}`).of;
  const held = heldCopies(home, debtor, name.name);
  const stored: boolean[] = [];
  for (const path of held) stored.push(await put(path, inspect()));
  if (stored.length > 0 && stored.every(Boolean)) return 'put';
  const original = join(dataDirectory, 'pg_wal', name.name);
  if (existsSync(original) && (await put(original, unchanged(original, inspect())))) return 'put';
  // Elsewhere a partial segment of this name may be another promotion's.
  if (name.kind === 'partial') return 'nowhere';
  return putFromArchives(name, debtor, node, put, inspect, stop);
}

async function putFromArchives(
  name: WalFileName,
  debtor: string,
  node: ThisNode,
  put: Put,
  inspect: () => InspectOf,
  stop: AbortSignal,
): Promise<Search> {
  const { home, archiveDirectory, destinations } = node.settings;
  const own = readOwnArchive(home) !== undefined || existsSync(join(archiveDirectory, '.twowarm'));
  const others = destinations.filter((each) => each.name !== debtor);
  let answer: Search = 'nowhere';
  if (own) answer = await putFrom(`file:${archiveDirectory}`, name, node, put, inspect, stop);
  for (const { name: other, url } of others) {
    if (answer === 'put') return answer;
    // One that does not answer would be waited for with each of a thousand files.
    const found = isAway(home, other) ? 'unknown' : await putFrom(url, name, node, put, inspect, stop);
    if (found !== 'nowhere') answer = found;
  }
  return answer;
}

async function putFrom(
  url: string,
  name: WalFileName,
  { identity, settings }: ThisNode,
  put: Put,
  inspect: () => InspectOf,
  stop: AbortSignal,
): Promise<Search> {
  const spool = join(settings.home, 'spool');
  ensureDirectory(spool);
  const path = temporaryPath(join(spool, name.name), identity.nodeId);
  noteUnfinished(identity.stateDirectory, path);
  const fetch = async (signal: AbortSignal): Promise<'fetched' | 'missing'> => {
    const source = await openSource(url, identity, signal);
    try {
      return await source.get(name.name, path, inspect(), signal);
    } finally {
      await source.close();
    }
  };
  try {
    const found = await bounded(`fetch ${name.name} from ${url}`, fetchLimitMs, stop, fetch).catch(unknown);
    if (found !== 'fetched') return found === 'missing' ? 'nowhere' : 'unknown';
    return (await put(path, inspect())) ? 'put' : 'unknown';
  } finally {
    await removeUnfinished(identity.stateDirectory, path);
  }
}

/** A source that fails says nothing about the file, also one whose copy is damaged. */
function unknown(error: unknown): 'unknown' {
  if (error instanceof ProgramError) return 'unknown';
  throw error;
}

/**
 * The inspection of a file that PostgreSQL may recycle while it is read: it has to be the same at the end, also by its
 * name. Renaming a file changes its ctime.
 */
function unchanged(path: string, inspect: InspectOf): InspectOf {
  const before = identityOf(path);
  return (sizeBytes) => {
    const inner = inspect(sizeBytes);
    const end = (): void => {
      inner.end();
      if (identityOf(path) !== before)
        throw new ProgramError('source-missing', `"${path}" changed while it was read`);
    };
    return { add: (chunk) => inner.add(chunk), end };
  };
}

function identityOf(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined) return 'gone';
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
}
